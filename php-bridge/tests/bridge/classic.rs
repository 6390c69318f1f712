//! One script run per request.

use crate::server::Zygote;
use php_wire::frame::{Kind, flag};
use php_wire::response::Source;

#[test]
fn a_short_page_is_one_frame() {
    let zygote = Zygote::start(&[]);
    let script = zygote.script("hello.php", "header('X-A: 1'); echo 'hello ', PHP_SAPI;");
    let mut worker = zygote.classic();
    worker.expect_ready();
    for _ in 0..3 {
        let answer = worker.get(&script);
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello frankenphp"));
        assert!(answer.headers.iter().any(|h| h == "X-A: 1"), "{:?}", answer.headers);
        assert!(answer.headers.iter().any(|h| h.starts_with("Content-type: text/html")));
        assert_eq!(answer.frames, 1);
        assert_eq!(answer.flags, flag::HEAD | flag::LAST | flag::DONE | flag::IDLE);
    }
}
