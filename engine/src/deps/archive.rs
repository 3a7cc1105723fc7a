//! Which functions of C an rlib carries: what build scripts compile is packed into it beside Rust's own objects.

/// Where the members begin.
const MAGIC: &[u8] = b"!<arch>\n";
/// The length of a member's header.
const HEADER: usize = 60;

/// The symbols that objects other than rustc's define. None if the file is no archive, or it has no index.
pub(super) fn foreign_symbols(archive: &[u8]) -> Option<Vec<String>> {
    let rest = archive.strip_prefix(MAGIC)?;
    let index = Member::at(archive, archive.len() - rest.len())?;
    // Offsets are four bytes long, in archives beyond four gigabytes eight.
    let width = match index.name {
        "/" => 4,
        "/SYM64/" => 8,
        _ => return None,
    };
    let number = |at: usize| -> Option<usize> {
        let bytes = index.content.get(at..at + width)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let count = number(0)?;
    let mut names = index.content.get(width.checked_mul(count.checked_add(1)?)?..)?.split(|byte| *byte == 0);
    // The table of names that are too long for a header stands right behind.
    let table = Member::at(archive, index.end).filter(|member| member.name == "//").map(|member| member.content);
    let mut symbols = Vec::new();
    let mut last: Option<(usize, bool)> = None;
    for entry in 1..=count {
        let (offset, name) = (number(width * entry)?, names.next()?);
        let rust = match last {
            Some((same, rust)) if same == offset => rust,
            _ => Member::at(archive, offset).is_none_or(|member| member.is_rust(table)),
        };
        last = Some((offset, rust));
        // Functions of C++ cannot be called by name.
        if let Ok(name) = std::str::from_utf8(name)
            && !rust
            && !name.starts_with("_Z")
        {
            symbols.push(name.to_owned());
        }
    }
    Some(symbols)
}

struct Member<'a> {
    name: &'a str,
    content: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl<'a> Member<'a> {
    fn at(archive: &'a [u8], offset: usize) -> Option<Self> {
        let start = offset.checked_add(HEADER)?;
        let header = archive.get(offset..start)?;
        let text = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).ok().map(str::trim_end);
        let size: usize = text(48..58)?.parse().ok()?;
        let end = start.checked_add(size)?;
        Some(Self { name: text(0..16)?, content: archive.get(start..end)?, end: end + end % 2 })
    }

    /// Whether rustc has made it.
    fn is_rust(&self, table: Option<&[u8]>) -> bool {
        let long = || {
            let offset: usize = self.name.strip_prefix('/')?.parse().ok()?;
            let rest = table?.get(offset..)?;
            std::str::from_utf8(rest.split(|byte| *byte == b'\n').next()?).ok()
        };
        let name = long().unwrap_or(self.name).trim_end_matches('/');
        name.ends_with(".rcgu.o") || name.ends_with(".rmeta")
    }
}

#[cfg(test)]
mod tests {
    use super::foreign_symbols;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, content.len()).into_bytes();
        bytes.extend_from_slice(content);
        if content.len() % 2 == 1 {
            bytes.push(b'\n');
        }
        bytes
    }

    #[test]
    fn symbols_of_rust_and_of_others_are_told_apart() {
        let names = b"one_rust\0two_c\0_Z3cppv\0";
        let table = b"crate-0123456789.crate.abc-cgu.0.rcgu.o/\n";
        let first = 8 + 60 + 16 + names.len() + 1 + 60 + table.len() + 1;
        let second = first + 62;
        let mut index = 3u32.to_be_bytes().to_vec();
        for offset in [first, second, second] {
            index.extend((offset as u32).to_be_bytes());
        }
        index.extend_from_slice(names);
        let mut archive = b"!<arch>\n".to_vec();
        archive.extend(member("/", &index));
        archive.extend(member("//", table));
        assert_eq!(archive.len(), first);
        archive.extend(member("/0", b"xx"));
        archive.extend(member("c.o/", b"yy"));
        assert_eq!(foreign_symbols(&archive), Some(vec!["two_c".to_owned()]));
        // Damage is no reason to fail.
        for end in 0..archive.len() {
            foreign_symbols(&archive[..end]);
        }
        assert_eq!(foreign_symbols(b"no archive"), None);
    }
}
