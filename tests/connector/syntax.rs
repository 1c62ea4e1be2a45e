//! Does the connector run where Time Tracker does, on PHP 7.4 to 8.3? Debian has one PHP; what is newer than 7.4 is found by its tokens.

use std::process::Command;

use crate::tracker::CONNECTOR;

#[test]
fn the_connector_says_nothing_that_php_7_4_would_not_understand() {
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/connector/php74.php");
    let run = |folder: &str| {
        let output = Command::new("php").arg(check).arg(folder).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (fits, said) = run(CONNECTOR);
    assert!(fits && said.contains(" files"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let newer = [
        ("match", "echo match (1) { 1 => 2 };"),
        ("?->", "$a?->b;"),
        ("enum", "enum A { case B; }"),
        ("readonly", "class A { readonly int $b; }"),
        ("#[", "#[A] function b() {}"),
        ("named", "f(a: 1);"),
        ("named", "f($b, $c ? g(1) : 2, a: 1);"),
        ("union", "function f(int|string $a) {}"),
        ("union", "class A { public ?int $a; private int|null $b; }"),
        ("mixed", "function f(mixed $a) {}"),
        ("never", "function f(): never {}"),
        ("static", "class A { function f(): static {} }"),
        ("promoted", "class A { function __construct(private int $b) {} }"),
        ("throw", "$a = $b ?? throw new E();"),
        ("catch", "try {} catch (E) {}"),
        ("trailing", "function f($a,) {}"),
        ("trailing", "$a = function () use ($b,) {};"),
        ("::class", "$a::class;"),
        ("str_contains", "str_contains('a', 'b');"),
        ("array_is_list", "array_is_list([]);"),
        ("(...)", "$a = strlen(...);"),
    ];
    for (what, code) in newer {
        std::fs::write(folder.path().join("a.php"), format!("<?php\n{code}\n")).unwrap();
        let (fits, said) = run(folder.path().to_str().unwrap());
        assert!(!fits && said.contains("a.php:2"), "{what}: {said}");
    }
}
