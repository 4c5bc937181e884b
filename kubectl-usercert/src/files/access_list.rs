//! Who may read a file on Windows: its access list.
//!
//! A new file takes the list of its folder. That of a profile lets in its owner, the administrators and
//! the system; any other folder may let in everybody.

use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle as _;
use std::path::Path;

use windows_permissions::constants::{SeObjectType, SecurityInformation};
use windows_permissions::wrappers::{
    ConvertSecurityDescriptorToStringSecurityDescriptor, GetNamedSecurityInfo, GetSecurityInfo,
    LookupAccountName, SetSecurityInfo,
};
use windows_permissions::{LocalBox, SecurityDescriptor};

/// File systems that have no access lists, such as FAT, say so with one of these.
const WITHOUT_LISTS: [i32; 2] = [1, 50];
/// The group of all administrators, which owns what one of them makes with all rights.
const ADMINISTRATORS: &str = "S-1-5-32-544";

/// Lets nobody but its owner do anything with a file; what its folder says does not count any more.
/// Nothing happens where there are no access lists.
pub fn restrict(file: &File) -> io::Result<()> {
    match only_for_owner(file) {
        Err(error) if error.raw_os_error().is_some_and(|code| WITHOUT_LISTS.contains(&code)) => {
            Ok(())
        }
        done => done,
    }
}

fn only_for_owner(file: &File) -> io::Result<()> {
    let there = GetSecurityInfo(file, SeObjectType::SE_FILE_OBJECT, SecurityInformation::Owner)?;
    let owner = there.owner().ok_or(io::ErrorKind::NotFound)?.to_string();
    let mut list = format!("D:P(A;;FA;;;{owner})");
    // Who wrote it with all rights must be able to read it without them. Services have no name to look up,
    // and need none.
    if owner == ADMINISTRATORS
        && let Ok(user) = this_user()
    {
        list.push_str(&format!("(A;;FA;;;{user})"));
    }
    let list: LocalBox<SecurityDescriptor> = list.parse()?;
    set(file, &list, SecurityInformation::ProtectedDacl)
}

/// Gives `new` the list of `old`.
pub fn adopt(new: &File, old: &File) -> io::Result<()> {
    let list = GetSecurityInfo(old, SeObjectType::SE_FILE_OBJECT, SecurityInformation::Dacl)?;
    let text = text_of(&list, SecurityInformation::Dacl)?;
    let inherits = match text.strip_prefix("D:") {
        Some(list) if list.split('(').next().is_some_and(|flags| flags.contains('P')) => {
            SecurityInformation::ProtectedDacl
        }
        _ => SecurityInformation::UnprotectedDacl,
    };
    set(new, &list, inherits)
}

/// Whether people other than its owner, this user, the administrators and the system may read a file.
pub fn is_readable_by_others(path: &Path) -> bool {
    let asked = SecurityInformation::Owner | SecurityInformation::Dacl;
    let text = GetNamedSecurityInfo(path.as_os_str(), SeObjectType::SE_FILE_OBJECT, asked)
        .and_then(|list| text_of(&list, asked));
    text.is_ok_and(|text| {
        let readers = readers(&text);
        let insider = |sid: &str| {
            text.starts_with(&format!("O:{sid}G:"))
                || text.starts_with(&format!("O:{sid}D:"))
                || ["SY", "BA", "OW", "CO"].contains(&sid)
        };
        readers.is_none_or(|readers| {
            let mut others = readers.into_iter().filter(|sid| !insider(sid)).peekable();
            others.peek().is_some() && {
                let me = this_user().unwrap_or_default();
                others.any(|sid| sid != me)
            }
        })
    })
}

fn set(file: &File, list: &SecurityDescriptor, inherits: SecurityInformation) -> io::Result<()> {
    let (mut handle, what) = (file.as_handle(), SecurityInformation::Dacl | inherits);
    SetSecurityInfo(&mut handle, SeObjectType::SE_FILE_OBJECT, what, None, None, list.dacl(), None)
}

fn text_of(list: &SecurityDescriptor, what: SecurityInformation) -> io::Result<String> {
    let text = ConvertSecurityDescriptorToStringSecurityDescriptor(list, what)?;
    text.into_string().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The identifier of who runs this program.
fn this_user() -> io::Result<String> {
    let name = |variable| std::env::var(variable).unwrap_or_default();
    let account = format!("{}\\{}", name("USERDOMAIN"), name("USERNAME"));
    let (sid, ..) = LookupAccountName(None::<&str>, &account)?;
    Ok(sid.to_string())
}

/// Who may read by a list in text form (Windows: Security Descriptor String Format); `None` where there
/// is not a list, so that everybody may.
fn readers(text: &str) -> Option<Vec<&str>> {
    let (_, list) = text.split_once("D:")?;
    if list.starts_with("NO_ACCESS_CONTROL") {
        return None;
    }
    let allowed = |entry: &&str| {
        let mut fields = entry.split(';');
        let (kind, flags) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        kind.ends_with('A')
            && !pairs(flags).any(|flag| flag == "IO")
            && reads(fields.next().unwrap_or_default())
    };
    let sids =
        list.split('(').skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).filter(allowed);
    Some(sids.filter_map(|entry| entry.split(';').nth(5)).collect())
}

fn reads(rights: &str) -> bool {
    const READ_DATA: u32 = 1;
    const GENERIC: u32 = 0x9000_0000;
    match rights.strip_prefix("0x").map(|digits| u32::from_str_radix(digits, 16)) {
        Some(Ok(mask)) => mask & (READ_DATA | GENERIC) != 0,
        Some(Err(_)) => true,
        None => pairs(rights).any(|right| ["FA", "FR", "GA", "GR", "CC"].contains(&right)),
    }
}

fn pairs(letters: &str) -> impl Iterator<Item = &str> {
    (0..letters.len()).step_by(2).filter_map(|at| letters.get(at..at + 2))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::print_stderr, reason = "tests")]

    use std::os::windows::fs::OpenOptionsExt as _;

    use windows_permissions::wrappers::SetNamedSecurityInfo;

    use super::*;

    #[test]
    fn readers_of_a_list() {
        for (text, expected) in [
            ("O:S-1-5-21-1D:P(A;;FA;;;S-1-5-21-1)", Some(vec!["S-1-5-21-1"])),
            ("O:BAG:SYD:PAI(A;;FA;;;SY)(A;ID;0x1200a9;;;BU)", Some(vec!["SY", "BU"])),
            ("O:BAD:(A;OICIIO;FA;;;WD)(D;;FA;;;AN)(A;;FW;;;AU)(A;;0x100116;;;BU)", Some(vec![])),
            ("O:BAD:(A;;FRFX;;;WD)", Some(vec!["WD"])),
            ("O:BAD:NO_ACCESS_CONTROL", None),
            ("O:BA", None),
        ] {
            assert_eq!(readers(text), expected, "{text}");
        }
    }

    /// A new file as anything makes one, then restricted; who may read it before and after.
    fn restricted(path: &Path) -> (bool, bool) {
        let mut options = File::options();
        options.write(true).create_new(true).access_mode(0x4004_0000);
        let file = options.open(path).unwrap();
        let before = is_readable_by_others(path);
        restrict(&file).unwrap();
        let after = is_readable_by_others(path);
        drop(file);
        std::fs::remove_file(path).unwrap();
        (before, after)
    }

    #[test]
    fn a_restricted_file_is_for_its_owner_alone() {
        let path = std::env::temp_dir().join(format!("usercert-{}.key", std::process::id()));
        let (_, after) = restricted(&path);
        assert!(!after);
    }

    #[test]
    fn what_the_folder_hands_down_does_not_count() {
        if std::env::var_os("WINEPREFIX").is_some() {
            return eprintln!("SKIPPED: wine hands it down anyway");
        }
        let dir = tempfile::tempdir().unwrap();
        let list: LocalBox<SecurityDescriptor> = "D:P(A;OICI;FA;;;WD)".parse().unwrap();
        let what = SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
        let (kind, list) = (SeObjectType::SE_FILE_OBJECT, list.dacl());
        SetNamedSecurityInfo(dir.path().as_os_str(), kind, what, None, None, list, None).unwrap();
        assert_eq!(restricted(&dir.path().join("a.key")), (true, false));
    }
}
