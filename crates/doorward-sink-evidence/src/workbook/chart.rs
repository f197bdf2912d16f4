//! The charts on the sheet Summary. They refer to cells, so that they show the numbers on the sheets.

use doorward_model::palette;
use rust_xlsxwriter::{Chart, ChartDataLabel, ChartFormat, ChartSolidFill, ChartType, Color, Workbook, XlsxError};

use crate::sheet::{Head, Title, Value};
use crate::sheets::{summary, trend};

/// The modes as Trend and Summary have them, each with its colour; the names are beside them in the charts.
const MODES: [(&str, u32); 4] = [
    ("Monitor", palette::MONITOR.light),
    ("Defensive", palette::DEFENSIVE.light),
    ("Strictest", palette::STRICTEST.light),
    ("Mode unknown", palette::UNKNOWN.light),
];
/// What the runs of the sheet Trend did not see: drawn on top, so that a run that saw less has no lower column.
const UNSEEN: (&str, u32) = ("Load balancers not seen", palette::UNKNOWN_GROUND.light);
/// Where the charts stand: right of the table, below its header.
const COLUMN: u16 = 11;

/// The cells that the charts show.
#[derive(Default)]
pub(super) struct Charted {
    /// The sheet Summary's place in the workbook.
    pub(super) summary: usize,
    /// The rows of the modes there: the first and the last.
    modes: Option<(u32, u32)>,
    /// The columns of the modes on the sheet Trend, in the order of [`MODES`], then that of [`UNSEEN`], and the last row.
    trend: Option<([u16; 5], u32)>,
}

impl Charted {
    /// Notes a row of the sheet Summary that the chart of modes shows.
    pub(super) fn note(&mut self, title: Title, values: &[Value<'_>], row: u32) {
        let is_mode = matches!(values.first(), Some(Value::Text(section)) if *section == summary::MODES);
        if title == summary::TITLE && is_mode {
            self.modes = Some((self.modes.map_or(row, |(first, _)| first), row));
        }
    }

    /// Notes where the sheet Trend has what its chart shows.
    pub(super) fn trend(&mut self, heads: &[Head], rows: usize) {
        let column = |name: &str| {
            let place = heads.iter().position(|head| head.name == name);
            place.and_then(|place| u16::try_from(place).ok())
        };
        let columns: Option<Vec<u16>> = MODES.iter().chain([&UNSEEN]).map(|(name, _)| column(name)).collect();
        let columns = columns.and_then(|columns| columns.try_into().ok());
        self.trend = columns.zip(u32::try_from(rows).ok().filter(|rows| *rows > 0));
    }

    /// Draws the charts.
    pub(super) fn draw(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let sheet = workbook.worksheet_from_index(self.summary)?;
        let tab = summary::TITLE.tab;
        if let Some((first, last)) = self.modes {
            let mut chart = Chart::new(ChartType::Column);
            let fills: Vec<Color> = MODES.iter().map(|(_, colour)| Color::RGB(*colour)).collect();
            chart
                .add_series()
                .set_name("Load balancers")
                .set_categories((tab, first, 2, last, 2))
                .set_values((tab, first, 3, last, 3))
                .set_data_label(ChartDataLabel::new().show_value())
                .set_gap(60)
                .set_point_colors(&fills);
            chart.title().set_name("Load balancers by mode");
            chart.legend().set_hidden();
            chart.y_axis().set_min(0).set_num_format("0");
            chart.set_alt_text("Columns for the rows of section Modes: how many load balancers are in each mode.");
            sheet.insert_chart(1, COLUMN, chart.set_width(560).set_height(300))?;
        }
        if let Some((columns, rows)) = self.trend {
            let tab = trend::TITLE.tab;
            let mut chart = Chart::new(ChartType::ColumnStacked);
            for ((name, colour), column) in MODES.into_iter().chain([UNSEEN]).zip(columns) {
                let fill = ChartSolidFill::new().set_color(Color::RGB(colour)).to_owned();
                chart
                    .add_series()
                    .set_name(name)
                    .set_categories((tab, 1, 0, rows, 0))
                    .set_values((tab, 1, column, rows, column))
                    .set_gap(60)
                    .set_format(ChartFormat::new().set_solid_fill(&fill));
            }
            chart.title().set_name("Load balancers by mode, run by run");
            chart.x_axis().set_text_axis(true).set_num_format("yyyy-mm-dd");
            chart.y_axis().set_min(0).set_num_format("0");
            chart.legend().set_position(rust_xlsxwriter::ChartLegendPosition::Bottom);
            chart.set_alt_text(
                "Stacked columns of the sheet Trend: how many load balancers were in each mode in each run, and \
                 how many that are known were not seen.",
            );
            sheet.insert_chart(18, COLUMN, chart.set_width(560).set_height(320))?;
        }
        Ok(())
    }
}
