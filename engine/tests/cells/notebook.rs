//! Reads the Markdown notebooks.
//!
//! A file is a chapter; every `##` heading begins a notebook, which is a session of its own. Below the heading a line
//! `Engines: direct` says that evcxr is not asked. Fenced blocks are
//! * `file PATH`: a file in the session's folder, there before the first cell;
//! * `rust`: a cell; what follows belongs to it, and what it shows must be there and nothing else:
//! * `result`: the `text/plain` of its result; `result contains`: lines that occur in it; `result MIME`: lines that occur
//!   in that form;
//! * `answer`: lines that occur in what a directive answers, whether as a result or as a display;
//! * `display MIME`: lines that occur in this form of a display; displays are named in their order, and all of them;
//! * `stdout`, `stderr`: all that it writes there; with `contains`: lines that occur in it;
//! * `transcript`: text and displays in the order in which they came, each line behind `stdout `, `stderr ` or `display `;
//! * `error`: the cell fails. The first line may be `E0382 2:5`: rustc's code, and the line and the column in the cell;
//!   the others occur in the error as it is shown, colours removed;
//! * `notice`, `warning`: lines that occur in the engine's words to the user, in the compiler's warnings;
//! * `variables`: `name: type` of every variable of the session, in order; an empty block says that there are none;
//! * `input`: the lines that the user answers with, when asked;
//! * `outcome quit`: the cell ends the session;
//! * `evcxr`: what evcxr shows instead, in free words. The test with evcxr fails if it is not so.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of notebooks.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// Its name without `.md`.
    pub name: String,
    pub cases: Vec<Case>,
}

/// A notebook.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub title: String,
    /// Whether it is run with evcxr too.
    pub evcxr: bool,
    pub files: Vec<(PathBuf, String)>,
    pub cells: Vec<Expected>,
}

/// A cell with what is expected of it.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub source: String,
    pub result: Option<Text>,
    /// MIME type and text of forms of the result.
    pub forms: Vec<(String, String)>,
    pub answer: Option<String>,
    pub displays: Vec<(String, String)>,
    pub stdout: Option<Text>,
    pub stderr: Option<Text>,
    pub transcript: Option<String>,
    pub error: Option<String>,
    pub notice: Option<String>,
    pub warning: Option<String>,
    pub variables: Option<String>,
    pub input: Vec<String>,
    pub quits: bool,
    pub evcxr: Option<String>,
}

/// An expected text.
#[derive(Debug, Clone)]
pub enum Text {
    /// All of it.
    Whole(String),
    /// Lines that occur in it.
    Contains(String),
}

impl Chapter {
    /// All chapters in a folder, by name.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, String> {
        let mut chapters = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let cases = cases(&text).map_err(|(line, message)| format!("{}:{line}: {message}", path.display()))?;
            chapters.push(Self { name, cases });
        }
        chapters.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(chapters)
    }
}

fn cases(text: &str) -> Result<Vec<Case>, (usize, String)> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((at, line)) = lines.next() {
        let wrong = |message: String| (at, message);
        if let Some(title) = line.strip_prefix("## ") {
            if cases.iter().any(|case| case.title == title) {
                return Err(wrong(format!("a second notebook «{title}»")));
            }
            cases.push(Case { title: title.to_owned(), evcxr: true, ..Case::default() });
        } else if let Some(engines) = line.strip_prefix("Engines: ") {
            let case = cases.last_mut().ok_or_else(|| wrong("engines before the first heading".to_owned()))?;
            case.evcxr = match engines {
                "direct" => false,
                "direct, evcxr" => true,
                _ => return Err(wrong(format!("engines are `direct` or `direct, evcxr`, not `{engines}`"))),
            };
        }
        let fence: String = line.chars().take_while(|character| *character == '`').collect();
        if fence.len() < 3 {
            continue;
        }
        let mut body = String::new();
        let mut closed = false;
        for (_, line) in lines.by_ref() {
            if line == fence {
                closed = true;
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        if !closed {
            return Err(wrong("a fence that is not closed".to_owned()));
        }
        body.pop();
        let case = cases.last_mut().ok_or_else(|| wrong("a block before the first heading".to_owned()))?;
        case.read_block(line[fence.len()..].trim(), body).map_err(wrong)?;
    }
    Ok(cases)
}

impl Case {
    fn read_block(&mut self, info: &str, body: String) -> Result<(), String> {
        let (kind, argument) = info.split_once(' ').unwrap_or((info, ""));
        match kind {
            "rust" => {
                self.cells.push(Expected { source: body, ..Expected::default() });
                return Ok(());
            }
            "file" => {
                self.files.push((PathBuf::from(argument), body));
                return Ok(());
            }
            _ => {}
        }
        let cell = self.cells.last_mut().ok_or_else(|| format!("a block `{info}` before the first cell"))?;
        let set = |place: &mut Option<String>, body: String| match place {
            Some(_) => Err(format!("a second block `{info}` of one cell")),
            None => {
                *place = Some(body);
                Ok(())
            }
        };
        match (kind, argument) {
            ("result", mime) if mime.contains('/') => cell.forms.push((mime.to_owned(), body)),
            ("result", how) => cell.result = Some(Text::read(how, body)?),
            ("stdout", how) => cell.stdout = Some(Text::read(how, body)?),
            ("stderr", how) => cell.stderr = Some(Text::read(how, body)?),
            ("display", mime) if mime.contains('/') => cell.displays.push((mime.to_owned(), body)),
            ("answer", "") => set(&mut cell.answer, body)?,
            ("transcript", "") => set(&mut cell.transcript, body)?,
            ("error", "") => set(&mut cell.error, body)?,
            ("notice", "") => set(&mut cell.notice, body)?,
            ("warning", "") => set(&mut cell.warning, body)?,
            ("variables", "") => set(&mut cell.variables, body)?,
            ("evcxr", "") => set(&mut cell.evcxr, body)?,
            ("input", "") => cell.input = body.lines().map(str::to_owned).collect(),
            ("outcome", "quit") => cell.quits = true,
            _ => return Err(format!("a block `{info}` is not known")),
        }
        Ok(())
    }
}

impl Text {
    fn read(how: &str, text: String) -> Result<Self, String> {
        match how {
            "" => Ok(Self::Whole(text)),
            "contains" => Ok(Self::Contains(text)),
            _ => Err(format!("a text is compared whole, or by what it `contains`, not `{how}`")),
        }
    }
}
