//! What the engine and its processes tell each other: frames of a length and so many bytes, over a Unix socket.
//!
//! This file is compiled on both sides.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// No frame is longer; a length beyond it means that the two sides do not understand each other.
const LONGEST: usize = 64 << 20;

/// The name of the environment variable with the word that a process proves itself by.
pub const TOKEN: &str = "OXIKALE_TOKEN";

/// The name of the environment variable with the path of the pipe that takes displays.
pub const DISPLAY: &str = "OXIKALE_DISPLAY";

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The parent of all others, which runs no user code.
    Supervisor,
    /// The one that runs the cells.
    Host,
    /// A sleeping copy of the host, and the number that the engine gave it.
    Checkpoint(u64),
}

/// What the engine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The host: leave a sleeping copy behind.
    Checkpoint(u64),
    /// A checkpoint: become the host.
    Wake,
    /// The host: load a library whose symbols later ones need, and use the hooks that it exports by these names.
    Load { library: PathBuf, hooks: Vec<String> },
    /// The host: run the function of this name in that library.
    Run { library: PathBuf, symbol: String },
    /// The host: drop variables.
    Forget(Vec<String>),
    /// The host: set an environment variable, or take it away.
    Environment { name: String, value: Option<String> },
    /// The host: answer.
    Ping,
    /// The supervisor: end this process group, and every process below the supervisor but these.
    End { host: u32, spare: Vec<u32> },
    /// The supervisor: end everything.
    Stop,
}

/// What a process has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The first one on every connection.
    Hello { token: String, role: Role, pid: u32 },
    /// The host has left a checkpoint behind; `Err` says why it could not.
    Forked { id: u64, process: Result<u32, String> },
    /// A checkpoint has become the host; the threads of these names were not copied with it.
    Woken { threads: Vec<String> },
    /// A command was carried out.
    Done,
    /// A command could not be carried out.
    Refused(String),
    /// The cell ran to its end.
    Finished,
    /// `?` ended the cell.
    Failed { message: String, debug: String, type_name: String },
    /// The cell panicked.
    Panicked(Panic),
    /// User code waits for its standard input.
    InputWanted,
    /// The supervisor: a process ended with this status, as wait(2) has it.
    Died { pid: u32, status: i32 },
    /// The supervisor: these processes were ended.
    Ended { pids: Vec<u32> },
}

/// A panic that ended a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// The source file, as the compiler was given it; empty if it is not known.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The column in that line, from 1.
    pub column: u32,
    /// The name of the thread that panicked first.
    pub thread: String,
    /// The calls that led to it, the innermost first, down to the cell's own; those of std among them.
    pub frames: Vec<Frame>,
}

/// A call in the backtrace of a panic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The function's path, readable.
    pub symbol: String,
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line in it; 0 if it is not known.
    pub line: u32,
    /// The column in that line; 0 if it is not known.
    pub column: u32,
}

/// Takes the first whole frame out of what has arrived; the error means that no more will make sense.
pub fn next_frame(arrived: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let Some((length, rest)) = arrived.split_first_chunk::<4>() else { return Ok(None) };
    let length = frame_length(*length)?;
    if rest.len() < length {
        return Ok(None);
    }
    let frame = rest[..length].to_vec();
    arrived.drain(..length + 4);
    Ok(Some(frame))
}

/// Waits for a frame; `None` if the other side is gone.
pub fn read_frame(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut frame = vec![0; frame_length(length)?];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

fn frame_length(bytes: [u8; 4]) -> io::Result<usize> {
    match u32::from_le_bytes(bytes) as usize {
        length if length <= LONGEST => Ok(length),
        length => Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes was announced"))),
    }
}

/// Builds a frame.
struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: u8) -> Self {
        Self(vec![0, 0, 0, 0, kind])
    }

    fn number(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, value: &[u8]) -> Self {
        self = self.number(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    fn list<T>(mut self, values: &[T], each: impl Fn(Self, &T) -> Self) -> Self {
        self = self.number(values.len() as u64);
        values.iter().fold(self, each)
    }

    fn frame(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_le_bytes());
        self.0
    }
}

/// Takes a frame apart; `None` where it is too short or makes no sense.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn kind(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    fn number(&mut self) -> Option<u64> {
        let (value, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*value))
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.0.split_off(..length)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn path(&mut self) -> Option<PathBuf> {
        Some(Path::new(OsStr::from_bytes(self.bytes()?)).to_owned())
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.number()?;
        (0..length).map(|_| each(self)).collect()
    }
}

impl Role {
    fn write(self, writer: Writer) -> Writer {
        match self {
            Self::Supervisor => writer.number(0),
            Self::Host => writer.number(1),
            Self::Checkpoint(id) => writer.number(2).number(id),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.number()? {
            0 => Self::Supervisor,
            1 => Self::Host,
            2 => Self::Checkpoint(reader.number()?),
            _ => return None,
        })
    }
}

impl Command {
    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Checkpoint(id) => Writer::new(0).number(*id),
            Self::Wake => Writer::new(1),
            Self::Load { library, hooks } => {
                Writer::new(2).bytes(library.as_os_str().as_bytes()).list(hooks, |writer, hook| writer.text(hook))
            }
            Self::Run { library, symbol } => Writer::new(3).bytes(library.as_os_str().as_bytes()).text(symbol),
            Self::Forget(names) => Writer::new(4).list(names, |writer, name| writer.text(name)),
            Self::Environment { name, value } => {
                Writer::new(5).text(name).list(value.as_slice(), |writer, value| writer.text(value))
            }
            Self::Ping => Writer::new(6),
            Self::End { host, spare } => {
                Writer::new(7).number((*host).into()).list(spare, |writer, pid| writer.number((*pid).into()))
            }
            Self::Stop => Writer::new(8),
        }
        .frame()
    }

    /// What a frame says.
    pub fn decode(frame: &[u8]) -> Option<Self> {
        let mut reader = Reader(frame);
        Some(match reader.kind()? {
            0 => Self::Checkpoint(reader.number()?),
            1 => Self::Wake,
            2 => Self::Load { library: reader.path()?, hooks: reader.list(Reader::text)? },
            3 => Self::Run { library: reader.path()?, symbol: reader.text()? },
            4 => Self::Forget(reader.list(Reader::text)?),
            5 => Self::Environment { name: reader.text()?, value: reader.list(Reader::text)?.pop() },
            6 => Self::Ping,
            7 => Self::End { host: reader.small()?, spare: reader.list(Reader::small)? },
            8 => Self::Stop,
            _ => return None,
        })
    }
}

impl Message {
    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello { token, role, pid } => role.write(Writer::new(0).text(token)).number((*pid).into()),
            Self::Forked { id, process } => match process {
                Ok(pid) => Writer::new(1).number(*id).number((*pid).into()),
                Err(reason) => Writer::new(2).number(*id).text(reason),
            },
            Self::Woken { threads } => Writer::new(3).list(threads, |writer, name| writer.text(name)),
            Self::Done => Writer::new(4),
            Self::Refused(reason) => Writer::new(5).text(reason),
            Self::Finished => Writer::new(6),
            Self::Failed { message, debug, type_name } => Writer::new(7).text(message).text(debug).text(type_name),
            Self::Panicked(panic) => Writer::new(8)
                .text(&panic.message)
                .text(&panic.file)
                .number(panic.line.into())
                .number(panic.column.into())
                .text(&panic.thread)
                .list(&panic.frames, |writer, frame| {
                    let writer = writer.text(&frame.symbol).text(&frame.file);
                    writer.number(frame.line.into()).number(frame.column.into())
                }),
            Self::InputWanted => Writer::new(9),
            Self::Died { pid, status } => Writer::new(10).number((*pid).into()).number(status.cast_unsigned().into()),
            Self::Ended { pids } => Writer::new(11).list(pids, |writer, pid| writer.number((*pid).into())),
        }
        .frame()
    }

    /// What a frame says.
    pub fn decode(frame: &[u8]) -> Option<Self> {
        let mut reader = Reader(frame);
        Some(match reader.kind()? {
            0 => Self::Hello { token: reader.text()?, role: Role::read(&mut reader)?, pid: reader.small()? },
            1 => Self::Forked { id: reader.number()?, process: Ok(reader.small()?) },
            2 => Self::Forked { id: reader.number()?, process: Err(reader.text()?) },
            3 => Self::Woken { threads: reader.list(Reader::text)? },
            4 => Self::Done,
            5 => Self::Refused(reader.text()?),
            6 => Self::Finished,
            7 => Self::Failed { message: reader.text()?, debug: reader.text()?, type_name: reader.text()? },
            8 => Self::Panicked(Panic {
                message: reader.text()?,
                file: reader.text()?,
                line: reader.small()?,
                column: reader.small()?,
                thread: reader.text()?,
                frames: reader.list(|reader| {
                    Some(Frame {
                        symbol: reader.text()?,
                        file: reader.text()?,
                        line: reader.small()?,
                        column: reader.small()?,
                    })
                })?,
            }),
            9 => Self::InputWanted,
            10 => Self::Died { pid: reader.small()?, status: reader.small()?.cast_signed() },
            11 => Self::Ended { pids: reader.list(Reader::small)? },
            _ => return None,
        })
    }
}
