# Splits user-data into its parts: dir/0, dir/1, ..; one in base64 gets that as its name's ending.
# What is no MIME multipart is one part.
{ sub(/\r$/, "") }
NR == 1 { plain = /^(#|\{)/ }
plain { print > (dir "/0"); next }
boundary == "" {
    if (match($0, /boundary="?[^";]+/)) {
        boundary = substr($0, RSTART + 9, RLENGTH - 9)
        sub(/^"/, "", boundary)
        n = -1
    }
    next
}
index($0, "--" boundary) == 1 {
    n++
    header = 1
    ending = ""
    next
}
n < 0 { next }
header {
    if ($0 == "") header = 0
    else if (tolower($0) ~ /^content-transfer-encoding: *base64/) ending = ".base64"
    next
}
{ print > (dir "/" n ending) }
