//! The samples give the sums that were computed by hand, and every other form is refused with a reason.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use doorward_cost::{BillingExport, ExportForm};
use doorward_model::Decimal;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(name)
}

fn sums(export: &BillingExport) -> Vec<(String, String, String)> {
    let all = export.sums();
    let flat = all.iter().flat_map(|(arn, amounts)| {
        amounts
            .iter()
            .map(move |(currency, sum)| (arn.load_balancer_name().to_owned(), currency.clone(), sum.to_string()))
    });
    flat.collect()
}

fn named(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
}

#[test]
fn the_samples_add_up_to_the_last_digit() {
    let focus = BillingExport::read(&sample("focus.csv")).expect("reads");
    assert_eq!(focus.form, ExportForm::Focus);
    assert_eq!(sums(&focus), named(&[("web", "USD", "16.49600015"), ("old", "EUR", "7.25"), ("old", "USD", "18.65")]));
    assert_eq!((focus.without_resource.rows, focus.other_resources.rows, focus.load_balancer_rows), (1, 2, 8));
    let cur = BillingExport::read(&sample("cur2.csv")).expect("reads");
    assert_eq!(cur.form, ExportForm::Cur2);
    assert_eq!(sums(&cur), named(&[("web", "USD", "17.49909999999999999997"), ("edge", "USD", "16.44")]));
}

#[test]
fn the_newest_month_that_is_over_counts() {
    let export = BillingExport::read(&sample("focus.csv")).expect("reads");
    for (at, amount, period) in [
        ("2026-11-02T09:00:00Z", "USD 15.90", "2026-10-01 to 2026-10-31"),
        ("2026-12-01T00:00:00Z", "USD 0.60", "2026-11-01 to 2026-11-01"),
        // No month was over then: the newest one is named with its days.
        ("2026-10-15T00:00:00Z", "USD 0.60", "2026-11-01 to 2026-11-01"),
    ] {
        let at: Timestamp = at.parse().expect("a time");
        let costs = export.costs(at);
        let (_, web) = costs.iter().find(|(arn, _)| arn.load_balancer_name() == "web").expect("joined");
        assert_eq!((web.amounts_in_words().as_str(), web.period().as_str()), (amount, period), "{at}");
        assert_eq!(web.source, "FOCUS export focus.csv");
        assert!(!web.at_least);
    }
}

#[test]
fn gzip_marks_and_cases_do_not_matter() {
    let text = std::fs::read_to_string(sample("focus.csv")).expect("there");
    let (header, rows) = text.split_once('\n').expect("a header");
    let folder = tempfile::tempdir().expect("a folder");
    let expected = BillingExport::read(&sample("focus.csv")).expect("reads");
    let zipped = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("writes");
        encoder.finish().expect("ends")
    };
    // Members of several files, one after the other, are one file.
    let mut members = zipped(&format!("\u{feff}{header}\n"));
    members.extend(zipped(rows));
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (name, bytes) in [
        ("a.csv.gz", zipped(&text)),
        ("b.csv", members),
        ("c.csv", format!("\u{feff}{}\n{rows}", header.to_lowercase()).into_bytes()),
        ("d.csv", wide),
        ("e.csv", text.replace('\n', "\r\n").into_bytes()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        let export = BillingExport::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(export.sums(), expected.sums(), "{name}");
    }
    let cut = folder.path().join("cut.csv.gz");
    let whole = zipped(&text);
    std::fs::write(&cut, &whole[..whole.len() - 30]).expect("writes");
    let error = BillingExport::read(&cut).expect_err("cut").to_string();
    assert!(error.contains("damaged or cut"), "{error}");
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let text = std::fs::read_to_string(sample("focus.csv")).expect("there");
    let cur = std::fs::read_to_string(sample("cur2.csv")).expect("there");
    let with = |from: &str, to: &str| text.replacen(from, to, 1);
    for (text, expected) in [
        (with("EffectiveCost", "Effective"), "FOCUS export without the column EffectiveCost; export it with it"),
        (
            with("ResourceId", "Resource").replacen("ChargeCategory", "Kind", 1),
            "without the columns ResourceId, ChargeCategory",
        ),
        (cur.replacen("line_item_resource_id", "x", 1), "INCLUDE_RESOURCES"),
        ("lineItem/UnblendedCost,lineItem/ResourceId\n1,x\n".to_owned(), "legacy Cost and Usage Report"),
        ("BilledCost,AmortizedCost,ChargeType\n1,1,Usage\n".to_owned(), "FOCUS 0.5"),
        ("a,b\n1,2\n".to_owned(), "is not the header of a known format"),
        (String::new(), "is not the header of a known format"),
        (with(",18.3708,arn", ",\"18,37\",arn"), "line 3: EffectiveCost: \"18,37\" is not a decimal number"),
        (with(",18.3708,arn", ",,arn"), "line 3: EffectiveCost: \"\""),
        (with(",18.3708,arn", ",9e12,arn"), "line 3: EffectiveCost is more than 1000000000"),
        (with("18.3708,USD,", "18.3708,dollars,"), "line 3: BillingCurrency: \"dollars\""),
        (with("2026-10-01T01:00:00Z,18", "yesterday,18"), "line 3: ChargePeriodStart: \"yesterday\""),
        (with("18.3708,USD,", "18.3708,"), "line 3: it has 10 fields, but the header has 11"),
        (with("ServiceName", "ResourceId"), "has the column ResourceId twice"),
    ] {
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let error = BillingExport::parse(text.as_bytes(), Path::new("x.csv")).expect_err("refused").to_string();
            assert!(error.starts_with("x.csv: ") && error.contains(expected), "{expected}: {error}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let parquet = folder.path().join("x.parquet");
    std::fs::write(&parquet, b"PAR1....").expect("writes");
    for (path, expected) in [
        (parquet.as_path(), "it is a Parquet file"),
        (Path::new("/nowhere/x.csv"), "the billing export cannot be read"),
        (folder.path(), "the billing export cannot be read: it is a folder"),
    ] {
        let error = BillingExport::read(path).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn random_bytes_never_panic_and_rows_in_any_order_have_the_same_sums() {
    let text = std::fs::read_to_string(sample("focus.csv")).expect("there");
    let expected = BillingExport::parse(text.as_bytes(), Path::new("x")).expect("reads").sums();
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = text.clone().into_bytes();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..bytes.len());
            bytes[at] = random.u8(..);
        }
        let _ = BillingExport::parse(bytes.as_slice(), Path::new("x"));
        let (header, rows) = text.split_once('\n').expect("a header");
        let mut rows: Vec<&str> = rows.lines().collect();
        random.shuffle(&mut rows);
        let shuffled = format!("{header}\n{}\n", rows.join("\n"));
        assert_eq!(BillingExport::parse(shuffled.as_bytes(), Path::new("x")).expect("reads").sums(), expected);
    }
    let total: Decimal = expected.values().flat_map(|amounts| amounts.values().copied()).sum();
    assert_eq!(total.to_string(), "42.39600015");
}
