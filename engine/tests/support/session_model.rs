//! What a session must hold, in plain Rust, and the cells that change it.

use std::collections::BTreeMap;
use std::fmt::Write;

use oxikale_engine::ErrorKind;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Something that a user does.
#[derive(Debug, Clone)]
pub enum Action {
    /// `let NAME = …`, whatever that was before.
    Let { name: &'static str, value: Value, mutable: bool },
    /// `let NAME = …` made of what it was before, of type `String` afterwards.
    Retype(&'static str),
    /// Changes the value, if it is mutable.
    Change(&'static str),
    /// `let TO = FROM`.
    Move { from: &'static str, to: &'static str, mutable: bool },
    /// A closure that takes a variable with it.
    Capture { from: &'static str, to: &'static str },
    /// Prints the value.
    Print(&'static str),
    /// A function: times this and one more.
    Times(i64),
    /// A function that calls the other one and adds this.
    Plus(i64),
    /// Calls a function.
    Call { function: &'static str, argument: i64 },
    /// The struct, with one field or two.
    Struct { two: bool },
    /// A variable of the struct.
    Point { name: &'static str, x: i64, mutable: bool },
    /// Changes or drops a variable, and then does this.
    Fault { name: &'static str, fault: Fault },
    /// `:forget`.
    Forget(&'static str),
    /// Goes back over some cells.
    Back(usize),
}

/// How a cell fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Panic,
    Question,
    Abort,
    /// It does not compile, though the function in it would.
    Type,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Int(i64),
    Text(String),
    List(Vec<i64>),
    Point(i64, Option<i64>),
    /// A closure that adds this.
    Adder(i64),
}

/// What a cell must come to.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Prints(String),
    Fails(ErrorKind),
}

/// The session as it must be.
#[derive(Debug, Default)]
pub struct Model {
    now: State,
    /// The states before the cells that have run, the latest last.
    past: Vec<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    variables: BTreeMap<&'static str, (Value, bool)>,
    times: Option<i64>,
    plus: Option<i64>,
    /// Whether the struct has two fields, if there is one.
    two: Option<bool>,
}

/// An action, and whether all variables are looked at afterwards.
pub fn actions() -> impl Strategy<Value = (Action, bool)> {
    let name = || prop::sample::select(&NAMES[..]);
    let value = prop_oneof![
        (0..100_i64).prop_map(Value::Int),
        "[a-c]{0,4}".prop_map(Value::Text),
        prop::collection::vec(0..9_i64, 0..4).prop_map(Value::List),
        (0..100_i64).prop_map(Value::Adder),
    ];
    let fault = prop::sample::select(vec![Fault::Panic, Fault::Question, Fault::Abort, Fault::Type]);
    let action = prop_oneof![
        6 => (name(), value, any::<bool>()).prop_map(|(name, value, mutable)| Action::Let { name, value, mutable }),
        2 => name().prop_map(Action::Retype),
        5 => name().prop_map(Action::Change),
        3 => (name(), name(), any::<bool>()).prop_map(|(from, to, mutable)| Action::Move { from, to, mutable }),
        2 => (name(), name()).prop_map(|(from, to)| Action::Capture { from, to }),
        2 => name().prop_map(Action::Print),
        2 => (1..9_i64).prop_map(Action::Times),
        2 => (1..9_i64).prop_map(Action::Plus),
        3 => (prop::sample::select(vec!["times", "plus"]), 0..9_i64)
            .prop_map(|(function, argument)| Action::Call { function, argument }),
        3 => any::<bool>().prop_map(|two| Action::Struct { two }),
        3 => (name(), 0..9_i64, any::<bool>()).prop_map(|(name, x, mutable)| Action::Point { name, x, mutable }),
        4 => (name(), fault).prop_map(|(name, fault)| Action::Fault { name, fault }),
        1 => name().prop_map(Action::Forget),
        3 => (1..5_usize).prop_map(Action::Back),
    ];
    (action, prop::bool::weighted(0.4))
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Int(_) => "i64",
            Self::Text(_) => "String",
            Self::List(_) => "Vec<i64>",
            Self::Point(..) => "Point",
            Self::Adder(_) => "&(dyn Fn(i64) -> i64 + Send + Sync)",
        }
    }

    fn source(&self) -> String {
        match self {
            Self::Int(number) => format!("{number}_i64"),
            Self::Text(text) => format!("String::from({text:?})"),
            Self::List(list) => format!("Vec::<i64>::from({list:?})"),
            Self::Point(x, None) => format!("Point {{ x: {x} }}"),
            Self::Point(x, Some(y)) => format!("Point {{ x: {x}, y: {y} }}"),
            Self::Adder(step) => format!("{{ let step = {step}_i64; move |x: i64| x + step }}"),
        }
    }

    /// An expression of type `String` that shows the value of a variable.
    fn shown_by(&self, name: &str) -> String {
        match self {
            Self::Adder(_) => format!("format!(\"{{}}\", {name}(100))"),
            _ => format!("format!(\"{{:?}}\", {name})"),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
            Self::List(list) => format!("{list:?}"),
            Self::Point(x, None) => format!("Point {{ x: {x} }}"),
            Self::Point(x, Some(y)) => format!("Point {{ x: {x}, y: {y} }}"),
            Self::Adder(step) => (100 + step).to_string(),
        }
    }

    /// A statement that changes a variable; closures cannot be changed so.
    fn change_of(&self, name: &str) -> String {
        match self {
            Self::Int(_) | Self::Adder(_) => format!("{name} += 7;"),
            Self::Text(_) => format!("{name}.push('x');"),
            Self::List(_) => format!("{name}.push(7);"),
            Self::Point(..) => format!("{name}.x += 7;"),
        }
    }

    fn changed(&mut self) {
        match self {
            Self::Int(number) => *number += 7,
            Self::Text(text) => text.push('x'),
            Self::List(list) => list.push(7),
            Self::Point(x, _) => *x += 7,
            Self::Adder(_) => unreachable!("a closure is not changed"),
        }
    }

    /// What a closure adds that has captured this, by an expression of this kind.
    fn captured(&self, name: &str) -> (String, i64) {
        match self {
            Self::Int(number) => (name.to_owned(), *number),
            Self::Text(text) => (format!("{name}.len() as i64"), text.len() as i64),
            Self::List(list) => (format!("{name}.iter().sum::<i64>()"), list.iter().sum()),
            // The whole value, and not only its field.
            Self::Point(x, _) => (format!("{{ let whole = &{name}; whole.x }}"), *x),
            Self::Adder(step) => (format!("{name}(0)"), *step),
        }
    }

    /// Whether it is still there when it was moved: a closure of an earlier cell is a reference.
    fn is_copied(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Adder(_))
    }
}

impl Model {
    /// The cell for an action.
    pub fn source(&self, action: &Action) -> String {
        let mutable = |mutable: &bool| if *mutable { "mut " } else { "" };
        let value = |name: &str| self.now.variables.get(name).map(|(value, _)| value);
        match action {
            Action::Let { name, value, mutable: is } => format!("let {}{name} = {};", mutable(is), value.source()),
            Action::Retype(name) => {
                format!("let {name} = {};", value(name).unwrap_or(&Value::Int(0)).shown_by(name))
            }
            Action::Change(name) => value(name).unwrap_or(&Value::Int(0)).change_of(name),
            Action::Move { from, to, mutable: is } => format!("let {}{to} = {from};", mutable(is)),
            Action::Capture { from, to } => {
                let (adds, _) = value(from).unwrap_or(&Value::Int(0)).captured(from);
                format!("let {to} = move |x: i64| x + {adds};")
            }
            Action::Print(name) => {
                format!("println!(\"{{}}\", {});", value(name).unwrap_or(&Value::Int(0)).shown_by(name))
            }
            Action::Times(factor) => format!("fn times(x: i64) -> i64 {{ x * {factor} + 1 }}"),
            Action::Plus(term) => format!("fn plus(x: i64) -> i64 {{ times(x) + {term} }}"),
            Action::Call { function, argument } => format!("println!(\"{{}}\", {function}({argument}));"),
            Action::Struct { two } => {
                let fields = if *two { "x: i64, y: i64" } else { "x: i64" };
                format!("#[derive(Debug)]\nstruct Point {{ {fields} }}")
            }
            Action::Point { name, x, mutable: is } => {
                format!("let {}{name} = {};", mutable(is), self.point(*x).source())
            }
            Action::Fault { name, fault } => {
                let spoil = match self.now.variables.get(name) {
                    Some((value, true)) if !matches!(value, Value::Adder(_)) => value.change_of(name),
                    Some(_) => format!("drop({name});"),
                    None => format!("let {name} = 1;"),
                };
                let fault = match fault {
                    Fault::Panic => "if true { panic!(\"as expected\") }",
                    Fault::Question => "\"no number\".parse::<i64>()?;",
                    Fault::Abort => "std::process::abort();",
                    Fault::Type => "fn times(x: i64) -> i64 { x }\nlet wrong: u8 = \"text\";",
                };
                format!("{spoil}\nlet left_over = 1;\n{fault}")
            }
            Action::Forget(name) => format!(":forget {name}"),
            Action::Back(cells) => format!(":back {cells}"),
        }
    }

    fn point(&self, x: i64) -> Value {
        Value::Point(x, self.now.two.unwrap_or_default().then_some(2 * x))
    }

    /// What the cell for an action comes to; the model is as it must be afterwards.
    pub fn run(&mut self, action: &Action) -> Expected {
        if let Action::Forget(name) = action {
            let there = self.now.variables.remove(name).is_some();
            return if there { Expected::Prints(String::new()) } else { Expected::Fails(ErrorKind::Directive) };
        }
        let before = self.now.clone();
        match self.attempt(action) {
            Ok(printed) => {
                self.past.push(before);
                Expected::Prints(printed)
            }
            Err(kind) => {
                self.now = before;
                Expected::Fails(kind)
            }
        }
    }

    fn attempt(&mut self, action: &Action) -> Result<String, ErrorKind> {
        let missing = ErrorKind::Compile;
        let state = &mut self.now;
        match action {
            Action::Let { name, value, mutable } => _ = state.variables.insert(name, (value.clone(), *mutable)),
            Action::Retype(name) => {
                let (value, _) = state.variables.get(name).ok_or(missing)?;
                let text = Value::Text(value.shown());
                state.variables.insert(name, (text, false));
            }
            Action::Change(name) => match state.variables.get_mut(name) {
                Some((value, true)) if !matches!(value, Value::Adder(_)) => value.changed(),
                _ => return Err(missing),
            },
            Action::Move { from, to, mutable } => {
                let (value, _) = state.variables.get(from).ok_or(missing)?.clone();
                if !value.is_copied() {
                    state.variables.remove(from);
                }
                state.variables.insert(to, (value, *mutable));
            }
            Action::Capture { from, to } => {
                let (value, _) = state.variables.get(from).ok_or(missing)?.clone();
                if !value.is_copied() {
                    state.variables.remove(from);
                }
                state.variables.insert(to, (Value::Adder(value.captured(from).1), false));
            }
            Action::Print(name) => return Ok(state.variables.get(name).ok_or(missing)?.0.shown() + "\n"),
            Action::Times(factor) => state.times = Some(*factor),
            Action::Plus(term) => {
                state.times.ok_or(missing)?;
                state.plus = Some(*term);
            }
            Action::Call { function, argument } => {
                let times = argument * state.times.ok_or(missing)? + 1;
                let term = if *function == "plus" { state.plus.ok_or(missing)? } else { 0 };
                return Ok(format!("{}\n", times + term));
            }
            Action::Struct { two } => {
                if state.two.replace(*two).is_some_and(|before| before != *two) {
                    state.variables.retain(|_, (value, _)| !matches!(value, Value::Point(..)));
                }
            }
            Action::Point { name, x, mutable } => {
                state.two.ok_or(missing)?;
                let point = self.point(*x);
                self.now.variables.insert(name, (point, *mutable));
            }
            Action::Fault { fault, .. } => {
                return Err(match fault {
                    Fault::Panic => ErrorKind::Panic,
                    Fault::Question => ErrorKind::Error,
                    Fault::Abort => ErrorKind::Crash,
                    Fault::Type => ErrorKind::Compile,
                });
            }
            Action::Forget(_) | Action::Back(_) => unreachable!("no cells"),
        }
        Ok(String::new())
    }

    /// Goes back over this many cells, if there are as many.
    pub fn back(&mut self, cells: usize) -> bool {
        let Some(at) = self.past.len().checked_sub(cells) else { return false };
        self.now = self.past[at].clone();
        self.past.truncate(at);
        true
    }

    /// A cell that prints every variable; empty if there is none.
    pub fn look(&self) -> String {
        let mut source = String::new();
        for (name, (value, _)) in &self.now.variables {
            _ = writeln!(source, "println!(\"{name} = {{}}\", {});", value.shown_by(name));
        }
        source
    }

    /// What that cell comes to.
    pub fn looked(&mut self) -> Expected {
        self.past.push(self.now.clone());
        let lines = self.now.variables.iter().map(|(name, (value, _))| format!("{name} = {}\n", value.shown()));
        Expected::Prints(lines.collect())
    }

    /// `name: type`, with `mut` before what is mutable.
    pub fn variables(&self) -> Vec<String> {
        let variables = self.now.variables.iter().map(|(name, (value, mutable))| {
            let mutable = if *mutable { "mut " } else { "" };
            format!("{name}: {mutable}{}", value.type_name())
        });
        variables.collect()
    }
}
