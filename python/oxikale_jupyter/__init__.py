"""What Jupyter's Python tools need to know of Rust notebooks."""
