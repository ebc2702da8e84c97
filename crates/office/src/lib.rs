//! Use cases: check, one transaction, history.
