//! Storage on SQLite: the only crate that knows sqlx.
