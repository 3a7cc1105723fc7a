//! Standard input: a read that finds nothing asks the engine for a line.

use crate::os;
use crate::process;
use crate::protocol::Message;
use crate::setting::setting;

/// Called before every read of descriptor 0.
pub fn before_read() {
    let Some((setting, process)) = setting().zip(process::current()) else { return };
    // User code may have pointed the descriptor elsewhere.
    if os::identity(0) == setting.input_identity && os::unread(0) == 0 {
        process.flusher.flush_within(process::PATIENCE);
        process.channel.send(&Message::InputWanted);
    }
}
