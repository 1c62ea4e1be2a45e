//! Who can read a file that holds a secret?

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{getegid, getgroups};

/// Whether others can read (or change) a file than its owner and the groups that this process is in: Kubernetes mounts secrets as
/// 0440 for one of those.
///
/// # Errors
/// When the file cannot be looked at.
pub fn others_can_read(file: &Path) -> io::Result<bool> {
    let found: Metadata = std::fs::metadata(file)?;
    let mut groups: Vec<u32> = getgroups()?.into_iter().map(rustix::process::Gid::as_raw).collect();
    groups.push(getegid().as_raw());
    Ok(exposed(found.mode(), found.gid(), &groups))
}

fn exposed(mode: u32, group: u32, own: &[u32]) -> bool {
    mode & 0o007 != 0 || (mode & 0o070 != 0 && !own.contains(&group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_own_group_may_read_and_nobody_else() {
        for (mode, group, is_exposed) in [
            (0o100_600, 7, false),
            (0o100_400, 8, false),
            (0o100_440, 7, false),
            (0o100_640, 7, false),
            (0o100_440, 8, true),
            (0o100_620, 8, true),
            (0o100_444, 7, true),
            (0o100_604, 7, true),
            (0o100_644, 8, true),
        ] {
            assert_eq!(exposed(mode, group, &[7]), is_exposed, "{mode:o} {group}");
        }
    }
}
