//! The exit codes, which are stable, and what each of them means.

/// Every exit code with its meaning.
pub const EXIT_CODES: [(u8, &str); 11] = [
    (
        0,
        "success: coverage is at least `report.minimum_coverage` (100% by default), and no finding fails at or above \
         `report.fail_on`",
    ),
    (1, "internal error: please report it"),
    (
        2,
        "wrong arguments or settings, or a named file that cannot be read: the message names the flag, the variable, or the file and line",
    ),
    (3, "at least one finding fails at or above `report.fail_on`"),
    (
        4,
        "coverage is below `report.minimum_coverage`: too few account-Regions in scope were read completely, too few \
         of their known load balancers were seen, or too few verdicts are known; \
         of `doorward check`: a verdict is unknown, or a part that may declare load balancers was not read",
    ),
    (
        5,
        "both 3 and 4: at least one finding fails at or above `report.fail_on`, and coverage is below \
         `report.minimum_coverage`",
    ),
    (6, "cannot start: no credentials, no access to AWS Organizations, or an output that cannot be written"),
    (7, "not every finding was delivered or written"),
    (
        8,
        "a change of modes was refused or failed for at least one load balancer, was stopped or rolled back, or is \
         no longer in effect",
    ),
    (130, "stopped by Ctrl-C before everything was read; the partial result is written and marked as partial"),
    (143, "stopped by SIGTERM before everything was read; the partial result is written and marked as partial"),
];
