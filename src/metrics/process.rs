//! How large and how busy is this process? As Linux tells it, under the names that all programs of Prometheus use.

use std::fmt;
use std::fs;

/// What Linux says of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    resident_bytes: u64,
    cpu_seconds: f64,
    open_files: usize,
    most_files: Option<u64>,
    started_at: f64,
}

impl Process {
    /// This one; none where nobody says so.
    #[must_use]
    pub fn look() -> Option<Self> {
        let (stat, machine) =
            (fs::read_to_string("/proc/self/stat").ok()?, fs::read_to_string("/proc/stat").ok()?);
        let ticks = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?);
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        // The name of the program, in brackets, may hold anything: the fields are counted from behind it.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok()).map(f64::from);
        let booted_at: u32 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
        // proc(5): 14 and 15 are the time spent, 22 the start after the machine's, 24 the resident pages; the third stands first here.
        let since_boot: f64 = fields.get(19)?.parse::<f64>().ok()? / ticks;
        Some(Self {
            cpu_seconds: (number(11)? + number(12)?) / ticks,
            started_at: f64::from(booted_at) + since_boot,
            resident_bytes: fields.get(21)?.parse::<u64>().ok()? * page,
            // The one that the listing itself takes is open as well.
            open_files: fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1),
            most_files: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        })
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, kind: &str, help: &str, value: &dyn fmt::Display| {
            write!(f, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
        };
        line("process_cpu_seconds_total", "counter", "Time spent on the processor.", &self.cpu_seconds)?;
        line("process_open_fds", "gauge", "Files and connections that are open.", &self.open_files)?;
        if let Some(most) = &self.most_files {
            line("process_max_fds", "gauge", "How many may be open.", most)?;
        }
        line("process_resident_memory_bytes", "gauge", "Memory that is in use.", &self.resident_bytes)?;
        line("process_start_time_seconds", "gauge", "When it was started, since 1970.", &self.started_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_of_this_process() {
        let process = Process::look().unwrap();
        assert!(process.resident_bytes > 1_000_000, "{process:?}");
        assert!(process.open_files > 2, "{process:?}");
        assert!(process.started_at > 1_700_000_000.0, "{process:?}");
        let page = process.to_string();
        assert!(page.contains("\nprocess_resident_memory_bytes "), "{page}");
        assert_eq!(page.lines().filter(|line| !line.starts_with('#')).count(), 5);
    }
}
