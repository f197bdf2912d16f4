# The same question to awk. It splits at quotes, which is right as long as no field holds an escaped one.
BEGIN { FS = "\"" }
{
    split($1, head, " ")
    split($5, tail, " ")
    key = head[3] " " substr(head[2], 1, 13) " " head[9] " " substr(head[10], 1, 1) " " tail[3] " " $22 " " $24
    count[key]++
    if ($22 != "" && $22 != "-" && $22 !~ /^ /) odd++
}
END {
    for (key in count) keys++
    print NR, odd + 0, keys
}
