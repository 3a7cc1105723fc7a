//! Measures the engines beside each other: `cargo bench -p oxikale-engine --features evcxr --bench cells`.
//!
//! Every group of figures is taken in a process of its own, in which nothing has run before; the processes of both
//! engines take turns, so that a machine that slows down does so for both. Crates are built beforehand, once; compiled
//! cells are forgotten before each process that is to compile.

#[path = "cells/alone.rs"]
mod alone;
#[path = "cells/checkpoints.rs"]
mod checkpoints;
#[path = "cells/groups.rs"]
mod groups;
#[path = "cells/machine.rs"]
mod machine;
#[path = "cells/report.rs"]
mod report;
#[path = "cells/session.rs"]
mod session;

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use alone::Alone;
use groups::Group;
use report::Found;
use session::{Result, Side};

const USAGE: &str = "\
Usage: cargo bench -p oxikale-engine --features evcxr --bench cells -- [OPTIONS]

  --rounds N          how often the direct engine is measured (7)
  --evcxr-rounds N    in how many of these rounds evcxr is measured too (3)
  --only GROUP        one group: first, cells, functions, dependencies, checkpoints; may be repeated
  --output FILE       where the table is written, too; seen from the folder of the package";

/// What is to be measured.
struct Wanted {
    rounds: usize,
    evcxr_rounds: usize,
    groups: Vec<Group>,
    output: Option<PathBuf>,
}

fn main() -> ExitCode {
    #[cfg(feature = "evcxr")]
    {
        oxikale_engine::evcxr::runtime_hook();
        if env::args().nth(1).as_deref() == Some(oxikale_engine::evcxr::ARGUMENT) {
            oxikale_engine::evcxr::serve();
        }
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = if arguments.first().is_some_and(|first| first == alone::ARGUMENT) {
        alone::serve(&arguments[1..])
    } else if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        Ok(())
    } else {
        Wanted::read(arguments).and_then(|wanted| wanted.measure())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cells: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Wanted {
    fn read(arguments: Vec<String>) -> Result<Self> {
        let mut wanted = Self { rounds: 7, evcxr_rounds: 3, groups: Vec::new(), output: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            // Cargo says so to every benchmark.
            if argument == "--bench" {
                continue;
            }
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
            match argument.as_str() {
                "--rounds" => wanted.rounds = count(&value()?)?,
                "--evcxr-rounds" => wanted.evcxr_rounds = count(&value()?)?,
                "--only" => wanted.groups.push(Group::named(&value()?)?),
                "--output" => wanted.output = Some(value()?.into()),
                _ => return Err(format!("{argument} means nothing here\n\n{USAGE}").into()),
            }
        }
        if wanted.groups.is_empty() {
            wanted.groups.extend(Group::ALL);
        }
        Ok(wanted)
    }

    fn measure(&self) -> Result<()> {
        let place = tempfile::tempdir()?;
        let alone = Alone::new(place.path())?;
        let load_before = machine::load();
        if self.groups.contains(&Group::Dependencies) {
            eprintln!("building the crates that are measured with");
            alone.measure(Group::Dependencies, Side::Direct)?;
        } else {
            // The runtime is compiled once for a compiler.
            alone.measure(Group::First, Side::Direct)?;
        }
        let mut found = Found::default();
        for round in 0..self.rounds.max(self.evcxr_rounds) {
            for group in &self.groups {
                let mut sides = Vec::new();
                if round < self.rounds {
                    sides.push(Side::Direct);
                }
                if cfg!(feature = "evcxr") && round < self.evcxr_rounds && *group != Group::Checkpoints {
                    sides.push(Side::Evcxr);
                }
                // Whoever comes second finds the machine warmed up.
                if round % 2 == 1 {
                    sides.reverse();
                }
                for side in sides {
                    eprintln!("round {}: {}, {}", round + 1, group.name(), side.name());
                    alone.forget_cells()?;
                    found.add(side, alone.measure(*group, side)?);
                    if *group == Group::First && side == Side::Direct {
                        // What the process before has compiled is there now.
                        found.add(side, alone.measure(Group::Compiled, side)?);
                    }
                }
            }
        }
        let text = report::text(&found, &machine::lines(&load_before));
        print!("{text}");
        if let Some(output) = &self.output {
            fs::write(output, text).map_err(|error| format!("cannot write {}: {error}", output.display()))?;
        }
        Ok(())
    }
}

fn count(text: &str) -> Result<usize> {
    text.parse().map_err(|_| format!("`{text}` is not a number of rounds\n\n{USAGE}").into())
}
