//! Which file system a path is on: SQLite's write-ahead log needs shared memory and locks that network file systems
//! do not give.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mount, as `/proc/mounts` names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
}

/// File system types whose files other machines can see. `fuse.` types are judged by what follows the dot.
const NETWORK: [&str; 27] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "drvfs",
    "gcsfuse",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "rclone",
    "s3fs",
    "smb3",
    "smbfs",
    "sshfs",
    "vboxsf",
    "virtiofs",
    "mount-s3",
];

/// The network file system that a file in this folder would be on; none where it is local, or where the system has no
/// `/proc/mounts` to ask.
pub(crate) fn network_mount(folder: &Path) -> Option<Mount> {
    let folder = folder.canonicalize().ok()?;
    let table = std::fs::read("/proc/mounts").ok()?;
    mount_of(&folder, &table).filter(|mount| is_network(&mount.kind))
}

/// Bytes that an ordinary user may still write to the file system that holds a folder.
pub(crate) fn free(folder: &Path) -> rustix::io::Result<u64> {
    let stats = rustix::fs::statvfs(folder)?;
    Ok(stats.f_bavail.saturating_mul(stats.f_frsize))
}

fn is_network(kind: &str) -> bool {
    NETWORK.contains(&kind.strip_prefix("fuse.").unwrap_or(kind))
}

/// The mount that a path is under: the longest mount point that contains it, the later one of equals, because a later
/// mount covers an earlier one.
fn mount_of(path: &Path, table: &[u8]) -> Option<Mount> {
    let lines = table.split(|byte| *byte == b'\n');
    let mounts = lines.filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ').skip(1);
        let point = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
        let kind = String::from_utf8_lossy(fields.next()?).into_owned();
        Some(Mount { point, kind })
    });
    mounts.filter(|mount| path.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
}

/// Undoes the kernel's octal escapes (`\040` is a space).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let code = tail.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match (first, code) {
            (b'\\', Some(byte)) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
overlay / overlay rw 0 0
srv:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/me/local ext4 rw 0 0
//nas/share /mnt/my\\040share cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
tmpfs /tmp tmpfs rw 0 0
srv:/tmp /tmp nfs rw 0 0
";

    #[test]
    fn the_innermost_and_latest_mount_decides() {
        for (path, kind, network) in [
            ("/var/lib/doorward", "overlay", false),
            ("/home/me/.local/state/doorward", "nfs4", true),
            ("/home/me/local/doorward", "ext4", false),
            ("/homework", "overlay", false),
            ("/mnt/my share/x", "cifs", true),
            ("/mnt/ssh", "fuse.sshfs", true),
            ("/tmp/x", "nfs", true),
        ] {
            let mount = mount_of(Path::new(path), TABLE).expect("the root is always mounted");
            assert_eq!((mount.kind.as_str(), is_network(&mount.kind)), (kind, network), "{path}");
        }
    }
}
