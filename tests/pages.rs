//! Answers that other handlers make over: templates and intercepted ones.

use super::support::{Server, Site};

const CADDYFILE: &str = "{
	admin off
}
:{$PORT} {
	root public
	handle /t/* {
		vars greeting hello
		templates
		file_server
	}
	handle_errors {
		respond \"caught {err.status_code}\"
	}
	handle /i/* {
		intercept {
			@gone status 410
			handle_response @gone {
				header X-Was {http.intercept.status_code}
				respond \"instead of {http.intercept.header.x-part}\" 200
			}
			@teapot status 418
			replace_status @teapot 200
			@kept header X-Keep *
			handle_response @kept {
				header X-Seen yes
			}
		}
		handle /i/gone {
			header X-Part body
			respond \"a long body that nobody sees\" 410
		}
		handle /i/teapot {
			respond tea 418
		}
		handle /i/kept {
			header X-Keep 1
			respond kept 201
		}
		respond plain
	}
}
";

fn site() -> Site {
    Site::with_caddyfile(CADDYFILE)
        .file(
            "public/t/page.html",
            "<p>{{placeholder \"http.vars.greeting\"}} {{.Req.Header.Get \"Host\"}}{{.Host}} \
             {{.Req.URL.Path}} {{include \"/t/part.html\" \"arg\"}} {{.Cookie \"c\"}}\
             {{.RespHeader.Set \"X-From\" \"template\"}}</p>",
        )
        .file("public/t/part.html", "[{{index .Args 0 | upper}}]")
        .file("public/t/loop.html", "{{include \"/t/loop.html\"}}")
        .file("public/t/defs.html", "{{define \"box\"}}({{.}}){{end}}")
        .file("public/t/uses.html", "{{import \"/t/defs.html\"}}{{template \"box\" 1}}")
        .file("public/t/asks.html", "<{{httpInclude \"/t/asked.txt?a=1\"}}>")
        .file(
            "public/t/asked.txt",
            "{{.Req.URL.RawQuery}} {{.RemoteIP}} {{.Req.Header.Get \"X-A\"}} \
             {{.Req.Header.Get \"Accept-Encoding\"}} {{.Req.Method}} {{.Req.ContentLength}}",
        )
        .file("public/t/asks_loop.html", "{{httpInclude \"/t/asks_loop.html\"}}")
        .file("public/t/asks_none.html", "{{httpInclude \"/t/none.html\"}}")
        .file("public/t/secret.html", "[{{ph \"file.Caddyfile\"}}]")
        .file("public/t/404.html", "{{httpError 404}}")
        .file("public/t/broken.html", "{{.Nope")
        .file("public/t/outside.html", "{{readFile \"/../Caddyfile\"}}")
        .file("public/t/data.json", "{{not a template}}")
        .file("public/t/md.html", "{{$p := splitFrontMatter (readFile \"/t/a.md\")}}{{$p.Meta.title}}{{markdown $p.Body}}")
        .file("public/t/a.md", "---\ntitle: T\n---\n# Head\n")
        .file("public/t/stat.html", "{{(fileStat \"/t/part.html\").Size}} {{fileExists \"/none\"}} {{listFiles \"/t\" | len}}")
}

#[test]
fn a_page_is_a_template() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    client.send("GET /t/page.html HTTP/1.1\r\nHost: localhost\r\nCookie: c=crumbs\r\n\r\n");
    let page = client.receive();
    assert_eq!(page.body, "<p>hello localhost /t/page.html [ARG] crumbs</p>");
    assert_eq!(page.header("x-from"), Some("template"));
    assert_eq!(page.header("content-length"), Some(page.body.len().to_string().as_str()));
    assert_eq!((page.header("etag"), page.header("last-modified")), (None, None));
    assert_eq!(client.get("/t/uses.html").body, "(1)");
    assert_eq!(client.get("/t/data.json").body, "{{not a template}}");
    assert_eq!(client.get("/t/md.html").body, "T<h1 id=\"head\">Head</h1>\n");
    assert_eq!(client.get("/t/stat.html").body, "27 false 17");
}

#[test]
fn a_page_asks_the_server_for_another() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    client.send(
        "POST /t/asks.html HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\nAccept-Encoding: gzip\r\n\
         Content-Length: 2\r\n\r\nhi",
    );
    // Files are not served to a POST.
    assert_eq!(client.receive().status, 405);
    client.send("GET /t/asks.html HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\n");
    assert_eq!(client.receive().body, "<a=1 127.0.0.1 b identity GET 0>");
    assert_eq!(client.get("/t/secret.html").body, "[]");
}

#[test]
fn a_template_that_fails_is_an_error_of_its_request() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    for (page, status) in [
        ("404", 404),
        ("broken", 500),
        ("outside", 500),
        ("loop", 500),
        ("none", 404),
        ("asks_none", 500),
        ("asks_loop", 500),
    ] {
        let answer = client.get(&format!("/t/{page}.html"));
        assert_eq!(answer.body, format!("caught {status}"), "{page}");
        assert_eq!(answer.status, status, "{page}");
    }
    assert_eq!(client.get("/t/uses.html").status, 200);
}

#[test]
fn a_listing_is_a_page_without_scripts() {
    let caddyfile = "{\n\tadmin off\n}\n:{$PORT} {\n\troot public\n\tfile_server browse\n}\n";
    let site = Site::with_caddyfile(caddyfile)
        .file("public/docs/a.txt", "text")
        .file("public/docs/b&c.png", "image");
    let server = Server::start(site.folder());
    let mut client = server.connect();
    let page = client.get("/docs/");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.body.contains("<a href=\"./b&amp;c.png\">"), "{}", page.body);
    assert!(!page.body.contains("<script"), "{}", page.body);
    let found = client.get("/docs/?filter=B%26&layout=grid").body;
    assert!(found.contains("; 1 found") && !found.contains("a.txt"), "{found}");
    client.send(
        "GET /docs/?filter=b HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n",
    );
    assert!(client.receive().body.contains("a.txt"));
}

#[test]
fn an_answer_is_intercepted_before_it_goes_out() {
    let site = site();
    let server = Server::start(site.folder());
    let mut client = server.connect();
    let gone = client.get("/i/gone");
    assert_eq!((gone.status, gone.body.as_str()), (200, "instead of body"));
    assert_eq!(gone.header("x-was"), Some("410"));
    let teapot = client.get("/i/teapot");
    assert_eq!((teapot.status, teapot.body.as_str()), (200, "tea"));
    let kept = client.get("/i/kept");
    assert_eq!(
        (kept.status, kept.body.as_str(), kept.header("x-seen")),
        (201, "kept", Some("yes"))
    );
    assert_eq!(client.get("/i/other").body, "plain");
}
