//! Whatever has a checked ending is read, or named: other encodings, links, and what is not a file at all.

use std::path::Path;

use super::{check, json, write};

const GOOD: &str = "Resources:\n  Good:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: defensive}]\n";
const BAD: &str = "Resources:\n  Bad:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n      LoadBalancerAttributes: [{Key: routing.http.desync_mitigation_mode, Value: monitor}]\n";
pub(super) const BAD_TF: &str = "resource \"aws_lb\" \"bad\" {\n  desync_mitigation_mode = \"monitor\"\n}\n";
const BAD_PLAN: &str = "{\"format_version\":\"1.2\",\"resource_changes\":[{\"address\":\"aws_lb.bad\",\"type\":\"aws_lb\",\"change\":{\"actions\":[\"create\"],\"after\":{\"desync_mitigation_mode\":\"monitor\"}}}]}";
const ONLY: [&str; 2] = ["--rule", "desync-mode-below-required"];

/// A folder with a good template, and a folder outside of it.
pub(super) fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("in/good.yaml", GOOD), ("out/bad.yaml", BAD), ("out/bad.tf", BAD_TF)]);
    folder
}

/// The exit code of a check, and everything that it says.
pub(super) fn checked(folder: &Path, paths: &[&str]) -> (i32, String) {
    let said = check(folder, &[&ONLY[..], paths].concat());
    (said.code.unwrap(), format!("{}\n{}", said.out, said.err))
}

fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    mark.encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn other_encodings_are_judged() {
    for (name, text) in [("bad.yaml", BAD), ("bad.tf", BAD_TF), ("bad.json", BAD_PLAN)] {
        for (encoding, bytes) in [
            ("UTF-8 with a mark", format!("\u{feff}{text}").into_bytes()),
            ("UTF-16, low byte first", utf16(text, true, u16::to_le_bytes)),
            ("UTF-16, high byte first", utf16(text, true, u16::to_be_bytes)),
            ("UTF-16, low byte first, no mark", utf16(text, false, u16::to_le_bytes)),
            ("UTF-16, high byte first, no mark", utf16(text, false, u16::to_be_bytes)),
        ] {
            let folder = place();
            std::fs::write(folder.path().join("in").join(name), bytes).unwrap();
            for path in ["in".to_owned(), format!("in/{name}")] {
                let (code, said) = checked(folder.path(), &[&path]);
                assert_eq!(code, 3, "{encoding}: {path}\n{said}");
                assert!(said.contains(&format!("in/{name}:")), "{encoding}: {path}\n{said}");
            }
        }
    }
}

/// A change is written in the encoding of the file.
#[test]
fn fixes_keep_the_encoding() {
    for (mark, bytes) in [(true, u16::to_le_bytes as fn(u16) -> [u8; 2]), (false, u16::to_be_bytes)] {
        let folder = place();
        let path = folder.path().join("in/bad.yaml");
        std::fs::write(&path, utf16(BAD, mark, bytes)).unwrap();
        let (code, said) = checked(folder.path(), &["--fix", "in"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(std::fs::read(&path).unwrap(), utf16(&BAD.replace("monitor", "defensive"), mark, bytes));
    }
}

/// What is not text: named by the user it ends the check with 2, only found it is listed as not read.
#[test]
fn other_bytes_are_named() {
    for (name, bytes, line) in [
        ("bad.yaml", BAD.replace("  Bad:", "  Bad: # caf\u{e9}").chars().map(|c| c as u8).collect::<Vec<u8>>(), 2),
        ("bad.json", b"{\"planned_values\": \"caf\xe9\"}".to_vec(), 1),
        ("bad.template", b"\x1f\x8b\x08\x00\x01\x02".to_vec(), 1),
        ("bad.yml", BAD.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(), 1),
        ("cut.json", utf16("{\"a\": 1}\n\n", true, u16::to_le_bytes)[..20].iter().copied().chain([0x0a]).collect(), 2),
    ] {
        let folder = place();
        std::fs::write(folder.path().join("in").join(name), bytes).unwrap();
        let (code, said) = checked(folder.path(), &["in"]);
        assert_eq!(code, 4, "{name}\n{said}");
        assert!(said.contains("not read") && said.contains(&format!("in/{name}:{line}:1")), "{name}\n{said}");
        let (code, said) = checked(folder.path(), &[&format!("in/{name}")]);
        assert_eq!(code, 2, "{name}\n{said}");
        assert!(said.contains(&format!("in/{name}:{line}:1: ")), "{name}\n{said}");
    }
    // A file in which nothing indicates a load balancer is counted.
    let folder = place();
    std::fs::write(folder.path().join("in/notes.yaml"), b"author: Ren\xe9\n").unwrap();
    let (code, said) = checked(folder.path(), &["in"]);
    assert!(code == 0 && said.contains("not examined: 1 file, not well-formed"), "{code} {said}");
    // Configuration belongs together: a file of it that cannot be read is listed also where the user named another file. The files
    // beside it are judged.
    let folder = place();
    write(folder.path(), &[("in/main.tf", BAD_TF)]);
    std::fs::write(folder.path().join("in/bad.tf"), b"# caf\xe9\n").unwrap();
    for (path, expected) in [("in", 5), ("in/main.tf", 5), ("in/bad.tf", 2)] {
        let (code, said) = checked(folder.path(), &[path]);
        assert_eq!(code, expected, "{path}\n{said}");
        assert!(said.contains("in/bad.tf:1:1") && said.contains("is not UTF-8"), "{path}\n{said}");
    }
    // Every format names it.
    let folder = place();
    std::fs::write(folder.path().join("in/bad.json"), b"{\"resource_changes\": \"\xe9\"}").unwrap();
    let document = json(folder.path(), &["in"]);
    assert_eq!(document["unread"][0]["file"], "in/bad.json", "{document}");
    for format in ["sarif", "github", "junit"] {
        let (code, said) = checked(folder.path(), &["--format", format, "in"]);
        assert!(code == 4 && said.contains("in/bad.json"), "{format}\n{said}");
    }
}

/// A file that ends early, before any sign of a load balancer, is listed. It does not change the exit code.
#[test]
fn files_that_are_cut_off_are_listed() {
    let folder = place();
    write(
        folder.path(),
        &[
            ("in/plan.json", "{\"format_version\":\"1.2\",\"terraform_ver"),
            ("in/list.json", "[{\"a\": 1},"),
            ("in/web.yaml", "---\napiVersion: networking.k8s.io/v1\nmetad"),
            ("in/stack.yaml", "AWSTemplateFormatVersion: 2010-09-09\nDescription: the edge\n"),
            ("in/Chart.yaml", "apiVersion: v2\nname: a\n"),
            ("in/other.json", "{\"a\": [1]}\n"),
            ("in/other.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ],
    );
    let (code, said) = checked(folder.path(), &["in", "--new"]);
    assert!(code == 0 && said.contains("not examined: 4 files, not well-formed"), "{code} {said}");
    let document = json(folder.path(), &["in"]);
    let listed: Vec<&str> =
        document["unexamined"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
    assert_eq!(listed, ["in/list.json", "in/plan.json", "in/stack.yaml", "in/web.yaml"]);
}

/// A kustomization that the user names alone is checked with what it consists of.
#[test]
fn a_kustomization_named_alone() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations: {alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode=monitor}\nspec: {ingressClassName: alb}\n";
    for (resources, expected, fragment) in [
        ("resources: [web.yaml]\n", 3, "base/web.yaml:5"),
        ("resources: [gone.yaml]\n", 4, "base/gone.yaml"),
        ("resources: [../../elsewhere/web.yaml]\n", 4, "elsewhere/web.yaml"),
        ("configMapGenerator: [{name: a}]\n", 0, "0 load balancers in 1 file"),
    ] {
        let folder = place();
        write(folder.path(), &[("base/kustomization.yaml", resources), ("base/web.yaml", ingress)]);
        let (code, said) = checked(folder.path(), &["base/kustomization.yaml"]);
        assert!(code == expected && said.contains(fragment), "{resources} {code}\n{said}");
        assert!(!said.contains("no supported files"), "{resources}\n{said}");
    }
}

/// What a folder of Terraform calls and is not there is not read.
#[test]
fn modules_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("main.tf", "module \"a\" {\n  source = \"./gone\"\n}\n")]);
    let (code, said) = checked(folder.path(), &["."]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("module.a") && said.contains("gone"), "{said}");
}

/// Hidden files and folders and `node_modules` are left out on purpose.
#[test]
fn what_is_left_out() {
    let folder = place();
    write(
        folder.path(),
        &[
            ("in/.git/bad.yaml", BAD),
            ("in/.terraform/modules/x/bad.tf", BAD_TF),
            ("in/node_modules/x/bad.yaml", BAD),
            ("in/.bad.yaml", BAD),
            ("in/bad.txt", BAD),
        ],
    );
    let (code, said) = checked(folder.path(), &["in"]);
    assert_eq!(code, 0, "{said}");
    // Named, they are read.
    assert_eq!(checked(folder.path(), &["in/.git"]).0, 3);
    assert_eq!(checked(folder.path(), &["in/.bad.yaml"]).0, 3);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::bed::{doorward, run};

    /// Links: what they are called, where they lead, the exit code of a check of the folder, and what it says.
    #[test]
    fn links() {
        for (link, target, code, fragment) in [
            ("in/bad.yaml", "../out/bad.yaml", 3, "in/bad.yaml:5"),
            ("in/bad.tf", "../out/bad.tf", 3, "in/bad.tf:2"),
            // The name of the link decides whether it is checked.
            ("in/bad.json", "bad.txt", 3, "in/bad.json:5"),
            ("in/latest", "../out/bad.yaml", 0, ""),
            // Another name of a template that is read already.
            ("in/again.yaml", "good.yaml", 0, "1 load balancer in 1 file"),
            // Folders: one that is searched, one that is hidden, one outside.
            ("in/again", "sub", 0, "2 load balancers in 2 files"),
            ("in/shared", ".hidden", 3, "in/shared/bad.yaml:5"),
            ("in/up", ".", 0, "2 load balancers in 2 files"),
            ("in/sub/up", "..", 0, "2 load balancers in 2 files"),
            ("in/outside", "../out", 4, "in/outside"),
            ("in/everything", "/", 4, "in/everything"),
            // What leads nowhere.
            ("in/gone.yaml", "nowhere.yaml", 4, "in/gone.yaml"),
            ("in/gone.tf", "nowhere.tf", 4, "is a link to a file that does not exist"),
            ("in/itself.json", "itself.json", 4, "in/itself.json"),
            ("in/gone", "nowhere", 0, ""),
            ("in/.gone.yaml", "nowhere.yaml", 0, ""),
            // What has no end.
            ("in/zero.json", "/dev/zero", 4, "is a device, not a file"),
        ] {
            let folder = place();
            if link == "in/again" || link.ends_with("up") {
                write(folder.path(), &[("in/sub/good.yaml", GOOD)]);
            }
            if link == "in/bad.json" {
                write(folder.path(), &[("in/bad.txt", BAD)]);
            }
            if link == "in/shared" {
                write(folder.path(), &[("in/.hidden/bad.yaml", BAD)]);
            }
            symlink(target, folder.path().join(link)).unwrap();
            let (got, said) = checked(folder.path(), &["in"]);
            assert_eq!(got, code, "{link} -> {target}\n{said}");
            assert!(said.contains(fragment), "{link} -> {target} lacks {fragment:?}\n{said}");
        }
    }

    /// Terraform loads a linked file beside the others, so that the modules of a folder are read with it.
    #[test]
    fn linked_configuration_is_that_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                ("stack/main.tf", "resource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = local.mode\n}\n"),
                ("shared/mode.tf", "locals {\n  mode = \"monitor\"\n}\n"),
            ],
        );
        symlink("../shared/mode.tf", folder.path().join("stack/mode.tf")).unwrap();
        for path in ["stack", "stack/main.tf", "."] {
            let (code, said) = checked(folder.path(), &[path]);
            assert_eq!(code, 3, "{path}\n{said}");
            assert!(said.contains("stack/mode.tf:2"), "{path}\n{said}");
        }
    }

    /// Two folders that are both searched may link to each other.
    #[test]
    fn links_between_named_folders_are_read_once() {
        let folder = place();
        write(folder.path(), &[("other/good.yaml", GOOD)]);
        symlink("../other", folder.path().join("in/other")).unwrap();
        symlink("../in", folder.path().join("other/in")).unwrap();
        let (code, said) = checked(folder.path(), &["in", "other"]);
        assert!(code == 0 && said.contains("2 load balancers in 2 files"), "{said}");
    }

    /// A link is not replaced by a file, and what it leads to may belong to others.
    #[test]
    fn fixes_leave_links_alone() {
        let folder = place();
        symlink("../out/bad.yaml", folder.path().join("in/bad.yaml")).unwrap();
        let (code, said) = checked(folder.path(), &["--fix", "in"]);
        assert_eq!(code, 3, "{said}");
        assert!(said.contains("not fixed: in/bad.yaml: it is a link"), "{said}");
        assert!(folder.path().join("in/bad.yaml").is_symlink());
        assert_eq!(std::fs::read_to_string(folder.path().join("out/bad.yaml")).unwrap(), BAD);
    }

    /// A name that is not UTF-8 is printed with replacements: writing to it would create another file.
    #[test]
    fn fixes_need_the_name_of_the_file() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = place();
        let name = std::ffi::OsStr::from_bytes(b"in/b\xff.tf");
        // Not every file system has such names.
        if std::fs::write(folder.path().join(name), BAD_TF).is_err() {
            return;
        }
        let (code, said) = checked(folder.path(), &["--fix", "in"]);
        assert!(code == 3 && said.contains("it is not found under this name"), "{code} {said}");
        assert_eq!(std::fs::read_dir(folder.path().join("in")).unwrap().count(), 2);
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), BAD_TF);
    }

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let folder = place();
        let made = Command::new("mkfifo").arg(folder.path().join("in/pipe.yaml")).status().unwrap();
        assert!(made.success());
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("in/socket.json")).unwrap();
        let large = std::fs::File::create(folder.path().join("in/large.json")).unwrap();
        large.set_len(300 << 20).unwrap();
        let (code, said) = checked(folder.path(), &["in"]);
        assert_eq!(code, 4, "{said}");
        for fragment in ["is a named pipe, not a file", "is a socket, not a file", "is larger than 256 MiB"] {
            assert!(said.contains(fragment), "lacks {fragment:?}\n{said}");
        }
        for (path, fragment) in [
            ("in/pipe.yaml", "in/pipe.yaml:1:1: is a named pipe, not a file"),
            ("in/socket.json", "in/socket.json:1:1: is a socket, not a file"),
            ("in/large.json", "in/large.json:1:1: is larger than 256 MiB"),
            ("/dev/zero", "/dev/zero:1:1: is a device, not a file"),
            ("/dev/null", "/dev/null:1:1: is a device, not a file"),
        ] {
            let (code, said) = checked(folder.path(), &[path]);
            assert_eq!(code, 2, "{path}\n{said}");
            assert!(said.contains(fragment), "{path} lacks {fragment:?}\n{said}");
        }
        drop(socket);
    }

    #[test]
    fn files_without_permission_are_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = place();
        write(folder.path(), &[("in/closed.yaml", BAD), ("in/folder/bad.yaml", BAD)]);
        let closed = [folder.path().join("in/closed.yaml"), folder.path().join("in/folder")];
        for path in &closed {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o0)).unwrap();
        }
        let may_all = std::fs::read(&closed[0]).is_ok();
        let (code, said) = checked(folder.path(), &["in"]);
        std::fs::set_permissions(&closed[1], std::fs::Permissions::from_mode(0o700)).unwrap();
        // An administrator reads everything.
        if may_all {
            assert_eq!(code, 3, "{said}");
        } else {
            assert_eq!(code, 4, "{said}");
            assert!(said.contains("in/closed.yaml") && said.contains("in/folder"), "{said}");
        }
    }

    /// The shell hands over a pipe that is open already.
    #[test]
    fn pipes_that_the_shell_hands_over_are_read() {
        let folder = place();
        let mut command = Command::new("bash");
        command.args(["-c", "\"$0\" check --rule desync-mode-below-required <(cat out/bad.yaml)"]);
        command.arg(doorward(folder.path()).get_program()).current_dir(folder.path());
        let said = run(&mut command);
        assert_eq!(said.code, Some(3), "{}\n{}", said.out, said.err);
    }
}
