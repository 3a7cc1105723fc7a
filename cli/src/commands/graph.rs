//! `oxikale graph`: the pipeline, drawn.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};
use oxikale_compiler::draw;

use super::notebook_file::NotebookArgument;
use super::write_file;
use crate::outcome::{NOTEBOOK, OK, Outcome};
use crate::present::text::plain;
use crate::session::Session;

/// Draw the pipeline
///
/// Shows the steps with the cells they are made of, and the variables that go from one to the other. A notebook with
/// errors is drawn as far as its pipeline can be made out.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  oxikale graph titanic.ipynb\n  oxikale graph titanic.ipynb --format svg -o titanic.svg"
)]
pub struct Graph {
    #[command(flatten)]
    notebook: NotebookArgument,
    /// What to draw it as; `--json` means `--format json`
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// The file to write; `-`, or none, prints it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// What a pipeline is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Boxes and lines of characters
    Terminal,
    /// Mermaid, which Markdown renderers know
    Mermaid,
    /// A picture
    Svg,
    /// Data for programs
    Json,
}

impl Graph {
    /// Does it.
    pub fn execute(self, session: &Session) -> Outcome {
        let file = self.notebook.read()?;
        let compilation = file.builder.compile(&file.notebook);
        let Some(pipeline) = &compilation.pipeline else {
            return file.refuse(&compilation, session).unwrap_or(Ok(NOTEBOOK));
        };
        if compilation.has_errors() || !session.quiet {
            file.tell(&compilation.diagnostics, session);
        }
        let output = self.output.filter(|path| path.as_os_str() != "-");
        let format = self.format.unwrap_or(if session.json { Format::Json } else { Format::Terminal });
        let text = match format {
            Format::Terminal => {
                let options = draw::TerminalOptions {
                    colour: output.is_none() && session.out().is_on(),
                    width: session.width(),
                    unicode: session.unicode(),
                };
                draw::terminal(pipeline, &options)
            }
            Format::Mermaid => draw::mermaid(pipeline),
            Format::Svg => draw::svg(pipeline, &draw::Statuses::new(), &draw::SvgOptions::default()),
            Format::Json => {
                let value = draw::json(pipeline);
                if output.is_none() {
                    session.print_json(&value)?;
                    return Ok(OK);
                }
                format!("{value:#}\n")
            }
        };
        match output {
            Some(path) => {
                write_file(&path, &text)?;
                session.note(&format!("wrote {}", plain(&path.display().to_string())));
            }
            None => session.print(&text)?,
        }
        Ok(OK)
    }
}
