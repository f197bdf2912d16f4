//! What this process cost so far, as Linux counts it: CPU time in the program and in the kernel, and calls that write.

use std::fmt;

/// The cost of a process, or of a part of its run. Zero where the system does not count it.
#[derive(Clone, Copy)]
pub(crate) struct ProcessCost {
    user_seconds: f64,
    system_seconds: f64,
    write_calls: u64,
}

impl ProcessCost {
    /// From the start of this process until now.
    pub(crate) fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The fields after the name, which is in parentheses and may hold spaces: utime is the 12th of them, stime the 13th.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        // USER_HZ is 100 on every architecture that Rust runs on.
        let seconds = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
        let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let writes = io.lines().find_map(|line| line.strip_prefix("syscw: ")?.parse().ok());
        Self { user_seconds: seconds(11), system_seconds: seconds(12), write_calls: writes.unwrap_or(0) }
    }

    /// What was added since an earlier time.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user_seconds: self.user_seconds - earlier.user_seconds,
            system_seconds: self.system_seconds - earlier.system_seconds,
            write_calls: self.write_calls - earlier.write_calls,
        }
    }
}

impl fmt::Display for ProcessCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user_seconds, system_seconds, write_calls } = self;
        write!(f, "{user_seconds:.2} s user, {system_seconds:.2} s system, {write_calls} write calls")
    }
}
