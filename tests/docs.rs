//! The examples of the documentation say what the program says.

use caddyfile_parser::{Disk, LoadError, Loader};
use std::fs;
use std::path::Path;

/// The files of an example: its Caddyfile.
struct Example<'a>(&'a str);

impl Loader for Example<'_> {
    fn read(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Ok(self.0.into())
    }

    fn glob(&self, _: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Disk.absolute(path)
    }

    fn env(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// The texts of a page's code blocks in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    let texts = page.split(&opening).skip(1);
    texts.map(|text| text.split_once("```").expect("a block is closed").0).collect()
}

#[test]
fn the_page_on_errors_shows_what_is_said() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let page = fs::read_to_string(path).expect("the page on errors is there");
    let (inputs, outputs) = (blocks(&page, "caddyfile"), blocks(&page, "text"));
    assert_eq!((inputs.len(), outputs.len()), (5, 5));
    for (input, output) in inputs.into_iter().zip(outputs) {
        let files = Example(input);
        let said = match pogo::adapter::adapt("Caddyfile", input.as_bytes(), &files) {
            Ok(_) => "no error".to_owned(),
            Err(error) => {
                format!("Error: {error}\n{}\n", error.excerpt(&files).unwrap_or_default())
            }
        };
        assert_eq!(said, output);
    }
}
