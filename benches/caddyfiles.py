"""Makes Caddyfiles, right and wrong ones, the same for the same seed.

The grammar is in caddyfiles/grammar.txt. Each file is about one family: a directive, a global
option, a matcher, or a part of the language. A fifth of the files is mutated afterwards:
words are lost, doubled, swapped or misspelt, so that errors are met where nobody looked for them.
"""
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))
REFERENCE = re.compile(r"<(\{)?([a-z]\w*)(\})?([?+*])?>")

# The environment, and the files that imports and options name.
ENVIRONMENT = {
    "ENV_WORD": "word", "ENV_TWO": "two words", "ENV_QUOTE": 'a "q" {', "ENV_SITE": "env.test",
    "ENV_LINES": "header A b\n\trespond c", "ENV_EMPTY": "", "ENV_NESTED": "{$ENV_WORD}",
}
FILES = {
    "one.caddy": "header X-One {args[0]}\nrespond one\n",
    "two.caddy": "handle /two {\n\timport one.caddy {args[:]}\n}\n",
    "empty.caddy": "",
    "blank.caddy": "\n# nothing\n",
    "badly.cxd": "respond {\n",
    "sub/a.conf": "header X-Sub a\n",
    "sub/b.conf": "import ../one.caddy from-b\n",
    "sub/.hidden.conf": "header X-Sub hidden\n",
    "sub/sites.txt": "sub.test {\n\trespond sub\n}\n",
    "loop.txt": "import loop.txt\n",
    "testdata/cert.pem": "-----BEGIN CERTIFICATE-----\nAAECAwQFBgc=\n-----END CERTIFICATE-----\n",
}
ODD_WORDS = ["x", "", '""', "off", "{", "}", "{}", "-1", "0", "@m", "*", "/a", "12", "a b", '"a b"', "{$ENV_TWO}",
             "{$ENV_EMPTY}", "{host}", "\\", "#c", "<<E", ",", "import", "true", "10s", "5MB", "{block}", "{args[0]}",
             "{$ENV_LINES}", "`", '"', "respond", "ü", "private_ranges", "404", ":80", "a.test"]


# Families that have more to say than others.
WEIGHTS = {"reverse_proxy": 6, "tls": 6, "log": 4, "site": 8, "import": 6, "language": 4, "mixed": 8, "option/servers": 4,
           "option/log": 2, "php_fastcgi": 2, "forward_auth": 2, "handle": 2, "file_server": 2, "header": 2, "intercept": 2}


class Grammar:
    """The rules of a grammar file, and how many ways each has."""

    def __init__(self, path):
        self.rules = {}
        text = re.sub(r"\n[ ]+\|", " |", open(path, encoding="utf-8").read())
        for line in text.split("\n"):
            if line.startswith("#") or " = " not in line:
                continue
            name, _, choices = line.partition(" = ")
            self.rules[name] = [c for choice in choices.split(" | ") for c in self.weighted(choice)]

    @staticmethod
    def weighted(choice):
        weight = re.match(r"(\d+): ", choice)
        return [choice] if not weight else [choice[weight.end():]] * int(weight.group(1))

    def words(self, rule):
        """The first words of a rule's choices."""
        return sorted({choice.split()[0] for choice in self.rules[rule]} - {"<mtoken>"})


class Writer:
    """Expands rules with one source of randomness."""

    def __init__(self, grammar, rng):
        self.grammar, self.rng, self.depth = grammar, rng, 0

    def rule(self, name, first=None):
        """One of the choices of a rule; only of those that start with a word, when one is given."""
        choices = self.grammar.rules[name]
        if first is not None:
            choices = [c for c in choices if c.split()[0] == first] or choices
        self.depth += 1
        deep = self.depth > 5
        if deep:
            choices = [c for c in choices if "{" not in c and "<" not in c] or choices
        text = self.text(self.rng.choice(choices))
        self.depth -= 1
        return text

    def text(self, choice):
        out, at = [], 0
        for match in REFERENCE.finditer(choice):
            if match.start() and choice[match.start() - 1] == "\\":
                continue
            out.append(self.plain(choice[at:match.start()]))
            out.append(self.reference(*match.groups()))
            at = match.end()
        return re.sub(r" +(?=\n|$)", "", "".join(out) + self.plain(choice[at:]))

    @staticmethod
    def plain(text):
        return re.sub(r"\\([|<~])|~", lambda m: m.group(1) or "\n", text)

    def reference(self, block, name, _, many):
        if block:
            if many == "?" and self.rng.random() < 0.5:
                return ""
            count = self.rng.choice([0, 1, 1, 1, 2, 2, 3])
            return "{\n" + "".join(self.rule(name) + "\n" for _ in range(count)) + "}"
        count = {"?": (0, 1), "+": (1, 3), "*": (0, 3), None: (1, 1)}[many]
        return " ".join(self.rule(name) for _ in range(self.rng.randint(*count)))


def families(grammar):
    """The names of all families."""
    handlers = [c.strip("<>") for c in grammar.rules["handler"]]
    return (handlers + ["option/" + w for w in grammar.words("option")] +
            ["matcher/" + w for w in grammar.words("matcher")] + ["site", "import", "language", "mixed"])


def indent(text):
    """Tabs for nesting, as `fmt` would have it; words are kept."""
    out, depth = [], 0
    for line in text.split("\n"):
        if line.startswith("}"):
            depth = max(0, depth - 1)
        is_plain = depth and line and "<<" not in text
        out.append(("\t" * depth if is_plain else "") + line)
        if re.search(r"(^|\s)\{$", line):
            depth += 1
    return "\n".join(out)


class Maker:
    """Makes file number `index` of a seed for one of the families that a pattern selects."""

    def __init__(self, seed, pattern=""):
        self.grammar = Grammar(os.path.join(HERE, "caddyfiles", "grammar.txt"))
        chosen = [f for f in families(self.grammar) if re.search(pattern, f)]
        self.families = [f for f in chosen for _ in range(WEIGHTS.get(f, 1))]
        self.seed = seed

    def make(self, index):
        """The family and the text."""
        rng = random.Random("%s %s" % (self.seed, index))
        family = self.families[index % len(self.families)]
        writer = Writer(self.grammar, rng)
        text = self.file(family, writer, rng)
        text = self.defined(text, writer, rng)
        if rng.random() < 0.9:
            text = indent(text)
        if rng.random() < 0.2:
            text = mutated(text, rng)
        return family, text.rstrip("\n") + ("\n" if rng.random() < 0.95 else "")

    def file(self, family, writer, rng):
        kind, _, word = family.partition("/")
        if kind == "option":
            lines = [writer.rule("option", word) for _ in range(rng.choice([1, 1, 1, 2]))]
            lines += [writer.rule("option") for _ in range(rng.choice([0, 0, 0, 1, 2]))]
            rng.shuffle(lines)
            sites = [self.site([writer.rule("sitebody")], writer, rng) for _ in range(rng.choice([0, 1, 1, 1, 2]))]
            return "{\n" + "\n".join(lines) + "\n}\n" + "".join(sites)
        if kind == "matcher":
            lines = ["@m " + writer.rule("matcher", word), "respond @m x"]
            if rng.random() < 0.4:
                body = [writer.rule("matcher", word)] + [writer.rule("m_two") for _ in range(rng.choice([0, 1, 2]))]
                lines[0] = "@m {\n" + "\n".join(body) + "\n}"
            return self.site(lines, writer, rng)
        makers = {"site": self.sites, "import": self.imports, "language": self.language, "mixed": self.mixed}
        if kind in makers:
            return makers[kind](writer, rng)
        return self.directive(kind, writer, rng)

    def directive(self, name, writer, rng):
        lines = [writer.rule(name) for _ in range(rng.choice([1, 1, 1, 1, 1, 1, 2, 2, 3]))]
        lines += [writer.rule("simple") for _ in range(rng.choice([0, 0, 1, 2]))]
        rng.shuffle(lines)
        shape = rng.random()
        if shape < 0.15:
            outer = rng.choice(["handle", "route", "handle /out/*", "handle_errors", "handle_path /p/*", "route @m"])
            lines = [outer + " {"] + lines + ["}"]
        text = self.site(lines, writer, rng)
        if shape > 0.9:
            text += self.site([writer.rule(name)], writer, rng)
        if shape > 0.95:
            text = "{\n" + writer.rule("option") + "\n}\n" + text
        return text

    @staticmethod
    def site(lines, writer, rng):
        draw = rng.random()
        if draw < 0.45:
            keys = rng.choice([":80", ":80", "a.test", ":8080", "http://a.test", "localhost"])
        elif draw < 0.97:
            keys = rng.choice([", ", " ", ",\n"]).join(writer.rule("address") for _ in range(rng.choice([1, 1, 2, 3])))
        else:
            return rng.choice([":80", "a.test"]) + "\n" + "\n".join(lines) + "\n"
        return keys + " {\n" + "\n".join(lines) + "\n}\n"

    def sites(self, writer, rng):
        text = ""
        if rng.random() < 0.4:
            options = ["http_port 8080", "https_port 8443", "auto_https off", "auto_https disable_redirects", "local_certs",
                       "email a@b.test", "default_bind 127.0.0.1", "servers {\nprotocols h1\n}", "servers :443 {\ntrace\n}",
                       "auto_https disable_certs", "on_demand_tls {\nask https://x.test\n}", "default_sni a.test", "debug",
                       "acme_ca https://ca.test/dir", "cert_issuer internal", "key_type p384", "fallback_sni b.test",
                       "auto_https ignore_loaded_certs", "skip_install_trust", "servers http://:80 {\nname x\n}", "log {\nlevel WARN\n}"]
            text += "{\n" + "\n".join(rng.sample(options, rng.choice([1, 1, 2, 3]))) + "\n}\n"
        for _ in range(rng.choice([1, 2, 2, 3, 4])):
            rule = "badaddress" if rng.random() < 0.06 else "address"
            keys = rng.choice([", ", " ", ",\n", ", "]).join(writer.rule(rule) for _ in range(rng.choice([1, 1, 1, 2, 3])))
            body = [writer.rule("sitebody") for _ in range(rng.choice([0, 1, 1, 2, 3]))]
            text += keys + " {\n" + "".join(line + "\n" for line in body) + "}\n" + rng.choice(["", "\n"])
        return text

    def imports(self, writer, rng):
        text = ""
        for name in ("s", "t", "u", "v"):
            line = "respond {args[0]}" if name == "v" else None
            body = [line or writer.rule("snippetline") for _ in range(rng.choice([0, 1, 1, 2, 3]))]
            text += "(%s) {\n%s\n}\n" % (name, "\n".join(body))
        lines = [writer.rule("importline") for _ in range(rng.choice([1, 1, 2]))]
        lines += [writer.rule("simple") for _ in range(rng.choice([0, 0, 1]))]
        if rng.random() < 0.2:
            lines = ["handle /x {"] + lines + ["}"]
        if rng.random() < 0.15:
            text += rng.choice(["import sub/sites.txt\n", "import s\n", "import loop.txt\n", "import *.txt\n"])
        return text + self.site(lines, writer, rng)

    def language(self, writer, rng):
        lines = [writer.rule("quirk") for _ in range(rng.choice([1, 1, 2]))]
        lines += [writer.rule("simple") for _ in range(rng.choice([0, 1]))]
        rng.shuffle(lines)
        return self.site(lines, writer, rng)

    def mixed(self, writer, rng):
        text = ""
        if rng.random() < 0.3:
            text = "{\n" + "\n".join(writer.rule("option") for _ in range(rng.choice([1, 2]))) + "\n}\n"
        for _ in range(rng.choice([1, 1, 2, 3])):
            rule = lambda: writer.rule(rng.choice(["handler", "simple", "simple", "simple", "sitebody"]))
            text += self.site([rule() for _ in range(rng.choice([2, 3, 5, 8]))], writer, rng)
        return text

    @staticmethod
    def defined(text, writer, rng):
        """Adds the matchers, snippets and named routes that the text uses."""
        uses = lambda word: re.search(r"(^|\s)%s(\s|$)" % re.escape(word), text, re.M)
        first = re.search(r"^[^\s{(&][^\n]*\{$", text, re.M)
        additions = ""
        for name in ("m", "other"):
            if uses("@" + name) and not re.search(r"^@%s\s" % name, text, re.M) and rng.random() < 0.9:
                additions += ("@m path /m/*" if rng.random() < 0.5 else writer.rule("definition")).replace("@m", "@" + name, 1) + "\n"
        if additions and first:
            text = text[:first.end()] + "\n" + additions.rstrip("\n") + text[first.end():]
        head = ""
        for name in ("r1", "r2"):
            if uses("invoke " + name) or uses("invoke @m " + name):
                head += "&(%s) {\n%s\n}\n" % (name, writer.rule("simple"))
        if uses("import s") and "(s) {" not in text:
            head += "(s) {\n%s\n}\n" % writer.rule("snippetline")
        options = re.match(r"\{\n.*?^\}\n", text, re.S | re.M)
        at = options.end() if options else 0
        return text[:at] + head + text[at:]


def mutated(text, rng):
    """The text with one or two slips."""
    lines = text.split("\n")
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.randrange(len(lines))
        margin = lines[at][:len(lines[at]) - len(lines[at].lstrip())]
        words = lines[at].split()
        slip = rng.randrange(11)
        if slip == 0 and words:
            words.pop(rng.randrange(len(words)))
        elif slip == 1 and words:
            words.insert(rng.randrange(len(words) + 1), rng.choice(words))
        elif slip == 2 and words:
            words[rng.randrange(len(words))] = rng.choice(ODD_WORDS)
        elif slip == 3:
            words.append(rng.choice(ODD_WORDS))
        elif slip == 4 and words:
            place = rng.randrange(len(words))
            words[place] = misspelt(words[place], rng)
        elif slip == 5:
            lines.insert(at, rng.choice(lines))
            continue
        elif slip == 6:
            lines.pop(at)
            lines = lines or [""]
            continue
        elif slip == 7 and words and words[-1] != "{":
            words += ["{\n\tx\n}"]
        elif slip == 8 and words:
            place = rng.randrange(len(words))
            words[place] = rng.choice(['"%s"', "`%s`", "\\%s", "%s,", "%s:"]) % words[place]
        elif slip == 9:
            words.insert(0, rng.choice(ODD_WORDS))
        elif slip == 10 and words:
            other = rng.choice(lines).split()
            if other:
                words[rng.randrange(len(words))] = rng.choice(other)
        lines[at] = margin + " ".join(words)
    return "\n".join(lines)


def misspelt(word, rng):
    if len(word) < 2:
        return word + "x"
    at = rng.randrange(len(word) - 1)
    return rng.choice([word[:at] + word[at + 1:], word[:at] + word[at + 1] + word[at] + word[at + 2:], word[:at] + word[at:at + 1] + word[at:]])
