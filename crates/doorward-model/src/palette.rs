//! The colours that outputs share: a mode, a severity or a verdict has one colour in page, workbook and mails.
//!
//! A colour never carries a meaning alone: the word stands beside it. Each colour has a value for light and one for dark backgrounds.

use std::fmt::Write as _;

use crate::{Mode, Severity};

/// A colour with its name, as CSS custom properties use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaletteColour {
    /// The name: `monitor` is `var(--monitor)`.
    pub name: &'static str,
    /// Red, green and blue on a light background: `0xC8642A`.
    pub light: u32,
    /// The same on a dark background.
    pub dark: u32,
}

impl PaletteColour {
    const fn new(name: &'static str, light: u32, dark: u32) -> Self {
        Self { name, light, dark }
    }

    /// The value on a light background, as CSS writes it: `#c8642a`.
    pub fn hex(self) -> String {
        format!("#{:06x}", self.light)
    }

    /// The colour of a mode.
    pub const fn of_mode(mode: Mode) -> Self {
        match mode {
            Mode::Monitor => MONITOR,
            Mode::Defensive => DEFENSIVE,
            Mode::Strictest => STRICTEST,
        }
    }

    /// The colour of a severity.
    pub const fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical => CRITICAL,
            Severity::High => HIGH,
            Severity::Medium => MEDIUM,
            Severity::Low => LOW,
            Severity::Informational => SOFT,
        }
    }
}

/// Behind everything.
pub const GROUND: PaletteColour = PaletteColour::new("ground", 0xf7_f6f3, 0x14_161a);
/// Behind a panel or a table.
pub const SHEET: PaletteColour = PaletteColour::new("sheet", 0xff_ffff, 0x1b_1e24);
/// Text.
pub const INK: PaletteColour = PaletteColour::new("ink", 0x1c_2330, 0xe6_e8ec);
/// Text of less weight.
pub const SOFT: PaletteColour = PaletteColour::new("soft", 0x5b_6472, 0xa1_a9b6);
/// Lines and borders.
pub const LINE: PaletteColour = PaletteColour::new("line", 0xe2_e0da, 0x32_3741);
/// Links and what has the focus.
pub const LINK: PaletteColour = PaletteColour::new("link", 0x1f_5c9e, 0x8f_bcf0);
/// The mode monitor.
pub const MONITOR: PaletteColour = PaletteColour::new("monitor", 0xc8_642a, 0xee_9a63);
/// The mode defensive.
pub const DEFENSIVE: PaletteColour = PaletteColour::new("defensive", 0x86_b2d8, 0x5d_8fbd);
/// The mode strictest.
pub const STRICTEST: PaletteColour = PaletteColour::new("strictest", 0x2b_5c8a, 0xb5_d6f5);
/// Unknown: hatched on the page, never the colour of a good or bad result.
pub const UNKNOWN: PaletteColour = PaletteColour::new("unknown", 0x8d_93a0, 0x8b_93a3);
/// Behind what is not known.
pub const UNKNOWN_GROUND: PaletteColour = PaletteColour::new("unknown-ground", 0xe4_e4e6, 0x30_343d);
/// Passed, complete, better.
pub const GOOD: PaletteColour = PaletteColour::new("good", 0x5f_9487, 0x79_b5a6);
/// Severity critical.
pub const CRITICAL: PaletteColour = PaletteColour::new("critical", 0x7d_1414, 0xff_7a6b);
/// Severity high.
pub const HIGH: PaletteColour = PaletteColour::new("high", 0xbb_3a2b, 0xff_9f8f);
/// Severity medium, and what is excepted, partial or ends soon.
pub const MEDIUM: PaletteColour = PaletteColour::new("medium", 0xcf_8a22, 0xe9_b45b);
/// Severity low.
pub const LOW: PaletteColour = PaletteColour::new("low", 0xb9_b094, 0x8f_8a78);
/// Text about what fails.
pub const GRAVE: PaletteColour = PaletteColour::new("grave", 0xa3_261d, 0xff_9c8f);
/// Text about what ends soon.
pub const WARM: PaletteColour = PaletteColour::new("warm", 0x8a_5300, 0xf0_b765);

/// Every colour, in the order of the style sheet.
pub const PALETTE: [PaletteColour; 18] = [
    GROUND,
    SHEET,
    INK,
    SOFT,
    LINE,
    LINK,
    MONITOR,
    DEFENSIVE,
    STRICTEST,
    UNKNOWN,
    UNKNOWN_GROUND,
    GOOD,
    CRITICAL,
    HIGH,
    MEDIUM,
    LOW,
    GRAVE,
    WARM,
];

/// The colours as the beginning of a style sheet: custom properties that follow the theme of the reader.
pub fn palette_css() -> String {
    let mut css = String::from(":root {\n  color-scheme: light dark;\n");
    for PaletteColour { name, light, dark } in PALETTE {
        let _ = writeln!(css, "  --{name}: light-dark(#{light:06x}, #{dark:06x});");
    }
    css.push_str("}\n");
    css
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Relative luminance, as WCAG 2.2 defines it.
    fn luminance(rgb: u32) -> f64 {
        let part = |shift: u32| {
            let value = f64::from((rgb >> shift) & 0xff) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    }

    fn contrast(one: u32, other: u32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_is_readable_on_both_grounds() {
        for colour in [INK, SOFT, LINK, GRAVE, WARM] {
            for ground in [GROUND, SHEET] {
                assert!(contrast(colour.light, ground.light) >= 4.5, "{} on {}, light", colour.name, ground.name);
                assert!(contrast(colour.dark, ground.dark) >= 4.5, "{} on {}, dark", colour.name, ground.name);
            }
        }
    }

    #[test]
    fn each_colour_has_a_name_and_modes_differ() {
        let names: BTreeSet<&str> = PALETTE.iter().map(|colour| colour.name).collect();
        assert_eq!(names.len(), PALETTE.len());
        let modes: BTreeSet<u32> =
            [MONITOR, DEFENSIVE, STRICTEST, UNKNOWN].into_iter().flat_map(|one| [one.light, one.dark]).collect();
        assert_eq!(modes.len(), 8);
        assert!(palette_css().contains("--monitor: light-dark(#c8642a, #ee9a63);"));
        assert_eq!(PaletteColour::of_mode(Mode::Strictest).hex(), "#2b5c8a");
        assert_eq!(PaletteColour::of_severity(Severity::High), HIGH);
    }
}
