//! The schema and its versions. The only place that creates or alters a table; versions only go forward.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Marks the file as ours in SQLite's header: "Door".
pub(crate) const APPLICATION: i64 = 0x446f_6f72;

/// The newest schema version.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// What each version adds to the one before; the first makes an empty file version 1. A step that was ever released is
/// never edited: changes are a new step.
const STEPS: [&str; 12] = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12];

// Times are nanoseconds since 1970, UTC. `run` and `*_run` are `runs.seq`, which counts recorded runs in the order in
// which they were recorded. Codes of states and modes are those of `FindingStatus::code` and `Mode` (0 absent, 1 to 3 by strength).
const V1: &str = "
CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1), owner TEXT NOT NULL, token INTEGER NOT NULL, expires INTEGER NOT NULL
);
INSERT INTO lease VALUES (1, '', 0, 0);

-- account-Regions; region is empty on the line that stands for Regions that could not be listed.
-- last_at, last_run: the newest run that listed anything here. body: the newest raw cell.
CREATE TABLE places (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL,
    last_at INTEGER, last_run INTEGER, body INTEGER, UNIQUE (account, region)
);

-- raw scans: what collect brought. A cell that did not change refers to the body of the scan before.
CREATE TABLE bodies (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE scans (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, state INTEGER NOT NULL,
    plan TEXT NOT NULL, settings TEXT NOT NULL, header TEXT NOT NULL, accounts INTEGER NOT NULL
);
CREATE TABLE cells (
    scan INTEGER NOT NULL, place INTEGER NOT NULL, body INTEGER NOT NULL, evidence BLOB, PRIMARY KEY (scan, place)
) WITHOUT ROWID;

-- recorded runs. coverages.statuses has one byte per place id; equal coverages are stored once.
CREATE TABLE coverages (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, statuses BLOB NOT NULL);
CREATE INDEX coverages_by_hash ON coverages (hash);
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, document TEXT NOT NULL,
    coverage INTEGER NOT NULL, places INTEGER NOT NULL, complete INTEGER NOT NULL, partial INTEGER NOT NULL,
    skipped INTEGER NOT NULL, failed INTEGER NOT NULL, accounts_full INTEGER NOT NULL
);

-- rules.own is the finding's id where it is not the one that load balancer and rule make.
CREATE TABLE rules (id INTEGER PRIMARY KEY, name TEXT NOT NULL, own TEXT NOT NULL, UNIQUE (name, own));
CREATE TABLE groupings (id INTEGER PRIMARY KEY, document TEXT NOT NULL UNIQUE);

-- fate: 0 here, 1 gone, 2 retired. mode: the last one seen; mode_seen: the run that saw it, where a later one could not.
CREATE TABLE balancers (
    id INTEGER PRIMARY KEY, place INTEGER NOT NULL, arn TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    grouping INTEGER NOT NULL, first_run INTEGER NOT NULL, fate INTEGER NOT NULL, mode INTEGER, mode_seen INTEGER
);
CREATE INDEX balancers_by_place ON balancers (place);
CREATE TABLE mode_changes (
    balancer INTEGER NOT NULL, run INTEGER NOT NULL, before_run INTEGER, was INTEGER, now INTEGER NOT NULL,
    PRIMARY KEY (balancer, run)
) WITHOUT ROWID;

-- seen: when it was last seen, where its account-Region was looked at later without seeing it.
-- first: first failure ever; opened: first failure of this episode; excepted: time under exception in this episode.
CREATE TABLE findings (
    balancer INTEGER NOT NULL, rule INTEGER NOT NULL, state INTEGER NOT NULL, seen INTEGER, since INTEGER NOT NULL,
    first INTEGER, opened INTEGER, resolved INTEGER, reopened INTEGER NOT NULL, excepted INTEGER NOT NULL,
    severity INTEGER, PRIMARY KEY (balancer, rule)
) WITHOUT ROWID;
-- codes: the state, plus 8 where it could not be observed.
CREATE TABLE transitions (
    balancer INTEGER NOT NULL, rule INTEGER NOT NULL, run INTEGER NOT NULL, was INTEGER, now INTEGER NOT NULL,
    PRIMARY KEY (balancer, rule, run)
) WITHOUT ROWID;
-- one row per time a finding was open and then ended; how: the state it ended in.
CREATE TABLE episodes (
    balancer INTEGER NOT NULL, rule INTEGER NOT NULL, run INTEGER NOT NULL, opened INTEGER NOT NULL,
    closed INTEGER NOT NULL, how INTEGER NOT NULL, excepted INTEGER NOT NULL, PRIMARY KEY (balancer, rule, run)
) WITHOUT ROWID;

-- counts per run and group, stored when they change: a run without a row has those of the run before.
CREATE TABLE labels (id INTEGER PRIMARY KEY, dimension TEXT NOT NULL, label TEXT NOT NULL, UNIQUE (dimension, label));
CREATE TABLE tallies (
    label INTEGER NOT NULL, run INTEGER NOT NULL, monitor INTEGER NOT NULL, defensive INTEGER NOT NULL,
    strictest INTEGER NOT NULL, mode_unknown INTEGER NOT NULL, mode_not_applicable INTEGER NOT NULL,
    unowned INTEGER NOT NULL, informational INTEGER NOT NULL, low INTEGER NOT NULL, medium INTEGER NOT NULL,
    high INTEGER NOT NULL, critical INTEGER NOT NULL, excepted INTEGER NOT NULL, unknown INTEGER NOT NULL,
    unseen INTEGER NOT NULL, PRIMARY KEY (label, run)
) WITHOUT ROWID;
";

// Counting what is open, and what is open and unseen, reads only what is open.
const V2: &str = "
CREATE INDEX findings_failing ON findings (balancer) WHERE state IN (3, 4);
";

// due: findings of exceptions that end soon. locked: the holder also holds the lock file, which dies with it.
// outbox: what a sink sent and knows to have arrived, by destination and finding id.
const V3: &str = "
ALTER TABLE tallies ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
CREATE TABLE outbox (
    hub_account TEXT NOT NULL, hub_region TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,
    account TEXT NOT NULL, region TEXT NOT NULL, balancer TEXT NOT NULL, rule TEXT NOT NULL, content TEXT NOT NULL,
    created_at INTEGER NOT NULL, first_observed_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    observed_at INTEGER NOT NULL, accepted_at INTEGER, archived INTEGER NOT NULL, acknowledged INTEGER NOT NULL,
    attempts INTEGER NOT NULL, PRIMARY KEY (hub_account, hub_region, id)
) WITHOUT ROWID;
";

// digests: the delivery state of an audience at a channel. told_*: the last digest that is known to have arrived; open: one that
// may have arrived. attempts: runs since an arrival; failure: why the last of them failed.
const V4: &str = "
CREATE TABLE digests (
    audience TEXT NOT NULL, channel TEXT NOT NULL, told_id TEXT, told_state TEXT, told_at INTEGER, open_id TEXT,
    open_state TEXT, open_at INTEGER, attempts INTEGER NOT NULL, failure TEXT, PRIMARY KEY (audience, channel)
) WITHOUT ROWID;
";

// changes: plans by which modes were changed. change_events: what happened then, in the order of seq.
const V5: &str = "
CREATE TABLE changes (id TEXT PRIMARY KEY, at INTEGER NOT NULL, plan TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE change_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL, at INTEGER NOT NULL, balancer TEXT,
    document TEXT NOT NULL
);
CREATE INDEX change_events_by_change ON change_events (change, seq);
";

// runs.only: the load balancer that the run read, where an event asked for it: such a run is no scan. balancers.event_run: the
// newest of them that saw it, look: what it saw. edits: the calls that left a load balancer in its mode, by CloudTrail's id; ended: the run by
// which it was in another mode, or gone.
const V6: &str = "
ALTER TABLE runs ADD COLUMN only INTEGER;
ALTER TABLE balancers ADD COLUMN event_run INTEGER;
ALTER TABLE balancers ADD COLUMN look TEXT;
CREATE TABLE edits (
    event TEXT PRIMARY KEY, balancer INTEGER NOT NULL, at INTEGER NOT NULL, run INTEGER NOT NULL, ended INTEGER,
    document TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX edits_that_hold ON edits (balancer, at) WHERE ended IS NULL;
";

// places.last_at: when the newest reading began; before this version, when its run ended. cells.read_at: when the reading of
// the account-Region began. runs.began: the first observation of the run. mode_changes.at: when
// the mode after was read, before_at: when the mode before was certainly still there. Without a value, the run's `at` stands for it.
const V7: &str = "
ALTER TABLE cells ADD COLUMN read_at INTEGER;
ALTER TABLE runs ADD COLUMN began INTEGER;
ALTER TABLE mode_changes ADD COLUMN at INTEGER;
ALTER TABLE mode_changes ADD COLUMN before_at INTEGER;
";

// inputs: what a recorded scan was judged with besides what it read, by account-Region; scans.inputs: whether it was kept;
// places.inputs: the newest text. balancers.seen: when it was last seen, where its account-Region was looked at later without
// seeing it; counted: its column among the modes when it was last seen; look_inputs: what the newest look was judged with.
// tallies.unseen_*: what is known and was not seen, as it was last seen; empty in rows of earlier versions.
// runs.load_balancers: those that were seen; unseen_places: account-Regions that an earlier run listed and this one did not;
// never_read: those that no run ever listed, though AWS would have answered there.
const V8: &str = "
CREATE TABLE inputs (
    scan INTEGER NOT NULL, place INTEGER NOT NULL, body INTEGER NOT NULL, PRIMARY KEY (scan, place)
) WITHOUT ROWID;
ALTER TABLE scans ADD COLUMN inputs INTEGER;
ALTER TABLE places ADD COLUMN inputs INTEGER;
ALTER TABLE balancers ADD COLUMN seen INTEGER;
ALTER TABLE balancers ADD COLUMN counted INTEGER;
ALTER TABLE balancers ADD COLUMN look_inputs TEXT;
ALTER TABLE tallies ADD COLUMN unseen_low INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_medium INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_high INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_critical INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_excepted INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_monitor INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_defensive INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_strictest INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_mode_unknown INTEGER;
ALTER TABLE tallies ADD COLUMN unseen_unowned INTEGER;
ALTER TABLE runs ADD COLUMN load_balancers INTEGER;
ALTER TABLE runs ADD COLUMN unseen_load_balancers INTEGER;
ALTER TABLE runs ADD COLUMN unseen_places INTEGER;
ALTER TABLE runs ADD COLUMN never_read INTEGER;
";

// The names of AWS and of this program for what the columns hold; no content changes.
const V9: &str = "
ALTER TABLE balancers RENAME TO load_balancers;
DROP INDEX balancers_by_place;
CREATE INDEX load_balancers_by_place ON load_balancers (place);
ALTER TABLE mode_changes RENAME COLUMN balancer TO load_balancer;
ALTER TABLE findings RENAME COLUMN balancer TO load_balancer;
ALTER TABLE transitions RENAME COLUMN balancer TO load_balancer;
ALTER TABLE episodes RENAME COLUMN balancer TO load_balancer;
ALTER TABLE outbox RENAME COLUMN balancer TO load_balancer;
ALTER TABLE outbox RENAME COLUMN hub_account TO security_hub_account;
ALTER TABLE outbox RENAME COLUMN hub_region TO security_hub_region;
ALTER TABLE digests RENAME COLUMN told_id TO delivered_id;
ALTER TABLE digests RENAME COLUMN told_state TO delivered_state;
ALTER TABLE digests RENAME COLUMN told_at TO delivered_at;
ALTER TABLE change_events RENAME COLUMN balancer TO load_balancer;
ALTER TABLE edits RENAME COLUMN balancer TO load_balancer;
";

// tracked_sources: the sources of non-compliant requests of a load balancer, as JSON.
const V10: &str = "
CREATE TABLE tracked_sources (arn TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
";

// findings.proven: nanoseconds of the episode during which the failure was observed, without those under an exception, up to
// proven_since; proven_since: the observation since which it was observed without interruption. allowed: the days of its deadline
// at the last failure. episodes: the same when it ended, with the severity of the last failure. places.missed: a scan since the
// newest look tried to look and could not.
// runs.policy: how what the run read met the policy, as JSON.
// metrics: one figure of CloudWatch for one load balancer and day (days since 1970, UTC); a day that was read and has no datum is
// zero requests, a day without a row was not read.
const V11: &str = "
ALTER TABLE findings ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN proven_since INTEGER;
ALTER TABLE findings ADD COLUMN allowed INTEGER;
ALTER TABLE episodes ADD COLUMN proven INTEGER;
ALTER TABLE episodes ADD COLUMN allowed INTEGER;
ALTER TABLE episodes ADD COLUMN severity INTEGER;
ALTER TABLE runs ADD COLUMN policy TEXT;
ALTER TABLE places ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE metrics (
    load_balancer TEXT NOT NULL, metric INTEGER NOT NULL, day INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (load_balancer, metric, day)
) WITHOUT ROWID;
";

// runs.recorded: when the run was recorded, by the clock of its writer, and never before its end: parts may be merged long after they
// were read. Without a value, the run's `at` stands for it.
const V12: &str = "
ALTER TABLE runs ADD COLUMN recorded INTEGER;
";

/// The schema version and application id of an open file.
pub(crate) fn identity(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let read = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0));
    Ok((read("user_version")?, read("application_id")?))
}

/// Whether the file has any table at all.
pub(crate) fn is_empty(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Brings the file to the newest version, all steps in one transaction. Another process may have done so meanwhile.
pub(crate) fn migrate(db: &Connection) -> rusqlite::Result<()> {
    let step = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let (found, _) = identity(&step)?;
    let done = usize::try_from(found).unwrap_or(STEPS.len());
    for sql in STEPS.iter().skip(done) {
        step.execute_batch(sql)?;
    }
    if done < STEPS.len() {
        step.execute_batch(&format!("PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION}"))?;
    }
    step.commit()
}

/// Gives a change of a shared ledger an id in the file, and returns it. The table is in shared ledgers only. A writer whose answer is
/// lost looks its id up within minutes; a thousand later changes are more than others make in that time.
pub(crate) fn stamp(db: &Connection) -> rusqlite::Result<String> {
    let step = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    step.execute_batch(
        "CREATE TABLE IF NOT EXISTS shared_changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE)",
    )?;
    let id: String = step.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
    step.execute("INSERT INTO shared_changes (id) VALUES (?1)", [&id])?;
    step.execute("DELETE FROM shared_changes WHERE seq <= (SELECT max(seq) FROM shared_changes) - 1000", [])?;
    step.commit()?;
    Ok(id)
}

/// Whether a change with this id is in the file.
pub(crate) fn was_written(db: &Connection, id: &str) -> rusqlite::Result<bool> {
    let there: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'shared_changes'", [], |row| row.get(0))?;
    Ok(there > 0 && db.prepare("SELECT 1 FROM shared_changes WHERE id = ?1")?.exists([id])?)
}
