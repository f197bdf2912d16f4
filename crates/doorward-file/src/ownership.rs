//! Whether another user can have written a file that was found: as in git's `safe.directory`, its owner decides.

use std::path::Path;

/// Checks that the file and the folder that holds it belong to this user or to root, and that no other user can write to them. Where
/// the file is a link, the same holds for the file that it leads to. `acting_for` is the user that root acts for, as with sudo.
///
/// # Errors
///
/// A clause that names the file or folder, its owner and its permissions.
#[cfg(unix)]
pub fn check(path: &Path, acting_for: Option<u32>) -> Result<(), String> {
    let unreadable = |path: &Path, e: std::io::Error| format!("{} cannot be checked: {e}", path.display());
    let user = User { id: user()?, acting_for };
    let mut places = vec![path.to_owned(), crate::folder_of(path).to_owned()];
    let link = std::fs::symlink_metadata(path).map_err(|e| unreadable(path, e))?;
    if link.is_symlink() {
        is_trusted(path, &link, user)?;
        let target = path.canonicalize().map_err(|e| unreadable(path, e))?;
        places.push(crate::folder_of(&target).to_owned());
    }
    for place in &places {
        let metadata = std::fs::metadata(place).map_err(|e| unreadable(place, e))?;
        is_trusted(place, &metadata, user)?;
    }
    Ok(())
}

/// Checks nothing: other systems have no such owners.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such owners")]
pub fn check(_: &Path, _: Option<u32>) -> Result<(), String> {
    Ok(())
}

/// The user of this process.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct User {
    id: u32,
    acting_for: Option<u32>,
}

#[cfg(unix)]
fn is_trusted(place: &Path, metadata: &std::fs::Metadata, user: User) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    const STICKY: u32 = 0o1000;
    let (owner, mode, shown) = (metadata.uid(), metadata.mode(), place.display());
    if owner != user.id && owner != 0 && !(user.id == 0 && user.acting_for == Some(owner)) {
        return Err(format!("{shown} belongs to user {owner}, and this process runs as user {}", user.id));
    }
    // The permissions of a link itself mean nothing, and in a sticky folder users can replace their own files only.
    if metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0) {
        return Ok(());
    }
    // Most Linux distributions give each user a group of their own with the same number, and new files are then writable by it.
    let by_group = mode & 0o020 != 0 && metadata.gid() != owner;
    if mode & 0o002 != 0 || by_group {
        let others = if by_group { format!("group {}", metadata.gid()) } else { "every user".to_owned() };
        return Err(format!("{others} can write to {shown} (permissions {:o}, fix: chmod go-w)", mode & 0o7777));
    }
    Ok(())
}

/// The user of this process: the owner of a file that it creates, or of its entry in `/proc`, which needs no folder to write to.
#[cfg(unix)]
fn user() -> Result<u32, String> {
    use std::os::unix::fs::MetadataExt as _;
    let of_process = std::fs::metadata("/proc/self").map(|metadata| metadata.uid());
    let of_file = || tempfile::tempfile()?.metadata().map(|metadata| metadata.uid());
    of_process.or_else(|_| of_file()).map_err(|e: std::io::Error| format!("the user of this process is unknown: {e}"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    #[test]
    fn files_and_folders_that_others_can_write_to_are_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let at = |name: &str| root.path().join(name);
        let set = |name: &str, mode: u32| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).expect("sets");
        };
        std::fs::create_dir(at("in")).expect("makes");
        std::fs::write(at("in/file"), "").expect("writes");
        symlink(at("in/file"), at("link")).expect("links");
        for (file, folder, trusted) in [
            (0o600, 0o700, true),
            (0o644, 0o755, true),
            (0o666, 0o755, false),
            (0o602, 0o755, false),
            (0o644, 0o777, false),
            (0o644, 0o1777, true),
        ] {
            set("in/file", file);
            set("in", folder);
            for name in ["in/file", "link"] {
                let found = check(&at(name), None);
                assert_eq!(found.is_ok(), trusted, "{name} {file:o} in {folder:o}: {found:?}");
                assert!(found.err().is_none_or(|problem| problem.contains("every user can write to")));
            }
        }
        set("in", 0o755);
        set("in/file", 0o664);
        assert_eq!(user(), Ok(std::os::unix::fs::MetadataExt::uid(&root.path().metadata().expect("exists"))));
        // Only root can give files away.
        if user() == Ok(0) {
            assert_eq!(check(&at("in/file"), None), Ok(()), "the group of root is root's own");
            chown(at("in/file"), None, Some(12_345)).expect("gives");
            assert!(check(&at("in/file"), None).expect_err("refused").contains("group 12345 can write to"));
            chown(at("in/file"), Some(65_534), None).expect("gives");
            assert!(check(&at("link"), None).expect_err("refused").contains("belongs to user 65534"));
            assert!(check(&at("in/file"), Some(12_345)).is_err());
            std::fs::set_permissions(at("in/file"), std::fs::Permissions::from_mode(0o644)).expect("sets");
            assert_eq!(check(&at("in/file"), Some(65_534)), Ok(()), "sudo acts for this user");
            chown(at("in/file"), Some(0), Some(0)).expect("gives");
            chown(at("in"), Some(65_534), None).expect("gives");
            assert!(check(&at("in/file"), None).expect_err("refused").contains("belongs to user 65534"));
        }
    }
}
