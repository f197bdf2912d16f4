//! The forms of billing exports and the columns that are read of each.

use csv::StringRecord;
use doorward_model::Decimal;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A form of billing exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// FOCUS 1.x of the FinOps Foundation.
    Focus,
    /// The Cost and Usage Report 2.0 of AWS.
    Cur2,
}

impl ExportForm {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Focus => "FOCUS",
            Self::Cur2 => "CUR 2.0",
        }
    }

    const fn names(self) -> &'static ColumnNames {
        match self {
            Self::Focus => &FOCUS,
            Self::Cur2 => &CUR,
        }
    }
}

/// The names of the columns.
pub(super) struct ColumnNames {
    /// The charge after discounts; credits and refunds are negative.
    pub(super) amount: &'static str,
    currency: &'static str,
    resource: &'static str,
    billing_from: &'static str,
    from: &'static str,
    until: &'static str,
    /// The kind of a charge: usage, credit, refund, tax. It must be there, because a file without it is of another form.
    category: &'static str,
}

const FOCUS: ColumnNames = ColumnNames {
    amount: "EffectiveCost",
    currency: "BillingCurrency",
    resource: "ResourceId",
    billing_from: "BillingPeriodStart",
    from: "ChargePeriodStart",
    until: "ChargePeriodEnd",
    category: "ChargeCategory",
};

const CUR: ColumnNames = ColumnNames {
    amount: "line_item_unblended_cost",
    currency: "line_item_currency_code",
    resource: "line_item_resource_id",
    billing_from: "bill_billing_period_start_date",
    from: "line_item_usage_start_date",
    until: "line_item_usage_end_date",
    category: "line_item_line_item_type",
};

/// Where the columns of an export are.
pub(super) struct ExportColumns {
    pub(super) form: ExportForm,
    amount: usize,
    currency: usize,
    pub(super) resource: usize,
    pub(super) billing_from: usize,
    pub(super) from: usize,
    pub(super) until: usize,
}

impl ExportColumns {
    /// Finds the columns. Query engines write names in lower case, so case does not count.
    pub(super) fn of(header: &StringRecord) -> Result<Self, String> {
        let find = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        let has = |name: &str| find(name).is_some();
        let form = if has("lineItem/UnblendedCost") {
            return Err("it is a legacy Cost and Usage Report; export CUR 2.0 or FOCUS 1.x".to_owned());
        } else if has("AmortizedCost") && has("BilledCost") && !has("EffectiveCost") {
            return Err("it is FOCUS 0.5, whose columns have other meanings; export FOCUS 1.0 or later".to_owned());
        } else if has("line_item_unblended_cost") || has("line_item_line_item_type") {
            ExportForm::Cur2
        } else if has("EffectiveCost") || has("BilledCost") || has("ChargeCategory") {
            ExportForm::Focus
        } else {
            return Err(
                "its first line is not the header of a known format; export FOCUS 1.x or CUR 2.0 as CSV, with the \
                 header"
                    .to_owned(),
            );
        };
        let names = form.names();
        let wanted =
            [names.amount, names.currency, names.resource, names.billing_from, names.from, names.until, names.category];
        let missing: Vec<&str> = wanted.into_iter().filter(|name| !has(name)).collect();
        if !missing.is_empty() {
            let hint = if missing.contains(&names.resource) && form == ExportForm::Cur2 {
                "; include resource ids (INCLUDE_RESOURCES = TRUE)"
            } else {
                ""
            };
            return Err(format!(
                "it is a {} export without the column{} {}; export it with {}{hint}",
                form.name(),
                if missing.len() == 1 { "" } else { "s" },
                missing.join(", "),
                if missing.len() == 1 { "it" } else { "them" },
            ));
        }
        let at = |name: &str| find(name).unwrap_or(usize::MAX);
        if let Some(twice) = wanted
            .iter()
            .find(|name| header.iter().filter(|column| column.trim().eq_ignore_ascii_case(name)).count() > 1)
        {
            return Err(format!("it has the column {twice} twice; export it once"));
        }
        Ok(Self {
            form,
            amount: at(names.amount),
            currency: at(names.currency),
            resource: at(names.resource),
            billing_from: at(names.billing_from),
            from: at(names.from),
            until: at(names.until),
        })
    }

    /// The names of the columns.
    pub(super) const fn names(&self) -> &'static ColumnNames {
        self.form.names()
    }

    /// A field without surrounding blanks; empty where it is null.
    pub(super) fn text<'r>(&self, row: &'r StringRecord, column: usize) -> &'r str {
        match row.get(column).unwrap_or_default().trim() {
            r"\N" | "NULL" | "null" => "",
            text => text,
        }
    }

    /// The charge of a row.
    pub(super) fn amount(&self, row: &StringRecord) -> Result<Decimal, String> {
        let text = self.text(row, self.amount);
        text.parse().map_err(|error| format!("{}: {text:?} {error}", self.names().amount))
    }

    /// The currency of a row.
    pub(super) fn currency<'r>(&self, row: &'r StringRecord) -> Result<&'r str, String> {
        let text = self.text(row, self.currency);
        if text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Ok(text);
        }
        Err(format!("{}: {text:?} is not a currency such as USD", self.names().currency))
    }

    /// A time of a row, UTC: `2026-10-01T00:00:00Z`, `2026-10-01 00:00:00`, with or without a fraction or offset.
    pub(super) fn time(&self, row: &StringRecord, column: usize) -> Result<Timestamp, String> {
        let text = self.text(row, column);
        let plain = || {
            let text = text.trim_end_matches("UTC").trim_end();
            let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)));
            civil.ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        };
        text.parse::<Timestamp>().ok().or_else(plain).ok_or_else(|| {
            let names = self.names();
            let name = if column == self.billing_from {
                names.billing_from
            } else if column == self.from {
                names.from
            } else {
                names.until
            };
            format!("{name}: {text:?} is not a time such as 2026-10-01T00:00:00Z")
        })
    }
}
