# Flattens JSON: a line "path.to.0.scalar<TAB>value" each. \n in a string stays \n; in meta-data or
# anything else that is not JSON it prints nothing.
{ text = text $0 "\n" }
END { value("") }

function skip() { sub(/^[ \t\r\n]+/, "", text) }

function take(n,    s) {
    s = substr(text, 1, n)
    text = substr(text, n + 1)
    return s
}

function string(    s) {
    match(text, /^"([^"\\]|\\.)*"/)
    if (RSTART == 0) exit 1
    s = take(RLENGTH)
    s = substr(s, 2, length(s) - 2)
    gsub(/\\\//, "/", s)
    gsub(/\\"/, "\"", s)
    gsub(/\\u003[cC]/, "<", s)
    gsub(/\\u003[eE]/, ">", s)
    gsub(/\\u0026/, "\\&", s)
    return s
}

function value(path,    c) {
    skip()
    c = substr(text, 1, 1)
    if (c == "{") object(path)
    else if (c == "[") array(path)
    else if (c == "\"") print path "\t" string()
    else {
        match(text, /^[-+.A-Za-z0-9]+/)
        if (RSTART == 0) exit 1
        print path "\t" take(RLENGTH)
    }
}

function below(path, name) { return path == "" ? name : path "." name }

function object(path,    name) {
    take(1)
    for (skip(); substr(text, 1, 1) != "}"; skip()) {
        name = string()
        skip()
        if (take(1) != ":") exit 1
        value(below(path, name))
        skip()
        if (substr(text, 1, 1) == ",") take(1)
    }
    take(1)
}

function array(path,    i) {
    take(1)
    i = 0
    for (skip(); substr(text, 1, 1) != "]"; skip()) {
        value(below(path, i++))
        skip()
        if (substr(text, 1, 1) == ",") take(1)
    }
    take(1)
}
