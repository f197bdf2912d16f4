//! Settings that change as a step of a history: the required mode, a rule that is switched off, Regions that are left out.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// The settings that a history changes.
pub(super) struct Settings {
    /// The mode that the policy requires.
    pub(super) required: &'static str,
    /// Every mode that it required up to now.
    pub(super) all_required: Vec<&'static str>,
    /// Whether the rule about the required mode is asked.
    pub(super) rule: bool,
    /// The Regions that scans include.
    pub(super) regions: &'static [&'static str],
}

impl Settings {
    pub(super) fn begin(folder: &Path) -> Self {
        let receiver = folder.join("receive");
        std::fs::write(&receiver, "#!/bin/sh\ncat >> digests; echo >> digests; test ! -e refuse\n").unwrap();
        std::fs::set_permissions(&receiver, std::fs::Permissions::from_mode(0o755)).unwrap();
        let settings = Self { required: "defensive", all_required: vec!["defensive"], rule: true, regions: &REGIONS };
        settings.write(folder);
        settings
    }

    /// Rules beside the two that the oracle knows are switched off.
    fn write(&self, folder: &Path) {
        let rule = if self.rule { "" } else { "\"desync-mode-below-required\", " };
        let receiver = folder.join("receive");
        let text = format!(
            "[policy]\nrequired_mode = \"{}\"\ndisabled = [{rule}\"access-logs-disabled\", \"owner-missing\", \
             \"invalid-headers-forwarded\", \"desync-mode-reverted\"]\n[regions]\ninclude = {:?}\n[notify]\nfallback = [\"all\"]\nunowned = [\"all\"]\n\
             [notify.channels]\nall = {{ kind = \"exec\", command = [{receiver:?}] }}\n",
            self.required, self.regions
        );
        std::fs::write(folder.join("doorward.toml"), text).unwrap();
    }
}

impl History {
    pub(super) fn change_settings(&mut self) {
        match self.dice.u8(0..3) {
            0 => {
                self.settings.required = self.dice.choice(["defensive", "strictest"]).unwrap();
                self.settings.all_required.push(self.settings.required);
            }
            1 => self.settings.rule = !self.settings.rule,
            _ => self.settings.regions = self.dice.choice([&REGIONS[..], &REGIONS[..1]]).unwrap(),
        }
        let Settings { required, rule, regions, .. } = &self.settings;
        let _ = writeln!(self.log, "settings: {required} is required, rule {rule}, Regions {regions:?}");
        self.settings.write(self.folder.path());
        self.is_newest = false;
    }
}
