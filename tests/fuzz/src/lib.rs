//! What is fuzzed: the layers of the program that do nothing but think, under the program's own name. The others would make a
//! build take minutes, and no input of theirs comes as one piece of text.

extern crate self as roadstead;

#[path = "../../../src/base/mod.rs"]
pub mod base;
#[path = "../../../src/model/mod.rs"]
pub mod model;
#[path = "../properties.rs"]
pub mod properties;
