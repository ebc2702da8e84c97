//! Statements of the root.

use pki::PkiError;

use crate::federation::Federation;

#[test]
fn a_statement_of_the_root_is_known_everywhere_and_as_what_it_is() {
    let federation = Federation::new();
    let signature = federation.city.sign_statement("registry", b"who sits where").unwrap();
    let street = federation.street();
    let check = |context: &str, statement: &[u8], signature: &[u8]| {
        street.check_statement(context, statement, signature).is_ok()
    };
    assert!(check("registry", b"who sits where", &signature));
    assert!(!check("schema", b"who sits where", &signature), "another sort of statement");
    assert!(!check("registr", b"ywho sits where", &signature), "the border is part of what is signed");
    assert!(!check("registry", b"who sits there", &signature));
    assert!(!check("registry", b"who sits where", &signature[..signature.len() - 1]));
    assert!(!check("registry", b"who sits where", b""));
}

#[test]
fn nobody_else_speaks_for_the_federation() {
    let federation = Federation::new();
    let signed = federation.district.sign_statement("registry", b"x");
    assert!(matches!(signed, Err(PkiError::NotRoot)));
    let other = Federation::new().city.sign_statement("registry", b"x").unwrap();
    let checked = federation.street().check_statement("registry", b"x", &other);
    assert!(matches!(checked, Err(PkiError::Statement)), "the root of another federation");
}
