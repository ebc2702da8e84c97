//! The shuniu program.

fn main() {}
