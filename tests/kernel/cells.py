"""Cells that several tests run."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The display library of this checkout.
LIBRARY = f':dep oxikale = {{ path = "{ROOT / "oxikale"}" }}'


def shows(mime, text):
    """Statements that show a text under a MIME type."""
    return f'println!("EVCXR_BEGIN_CONTENT {mime}\\n{{}}\\nEVCXR_END_CONTENT", r##"{text}"##);'


def waits_for(path, result='"over"'):
    """A cell that says `started` and runs until there is a file; then it has a result."""
    return f"""println!("started");
while !std::path::Path::new({str(path)!r}).exists() {{
    std::thread::sleep(std::time::Duration::from_millis(5));
}}
{result}""".replace("'", '"')


# Cells that never end: one computes, the other sleeps.
SPINS = """println!("started");
let mut turns = 0u64;
while std::hint::black_box(true) {
    turns = turns.wrapping_add(1);
}
std::hint::black_box(turns);"""
SLEEPS = """println!("started");
while std::hint::black_box(true) {
    std::thread::sleep(std::time::Duration::from_secs(3600));
}"""

# What takes the compiler hours: it computes a constant.
COMPILES_LONG = """#[allow(long_running_const_eval)]
const FOREVER: u64 = {
    let mut n = 0u64;
    while n < u64::MAX {
        n += 1;
    }
    n
};
FOREVER"""
