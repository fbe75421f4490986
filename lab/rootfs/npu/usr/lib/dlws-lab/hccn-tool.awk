# The answers of hccn_tool about the network port of one NPU.
BEGIN {
    load()
    n = ARGV[2]
    thing = ARGV[3]
    if (ARGC < 5 || ARGV[1] != "-i" || ARGV[4] != "-g") { print "Invalid command."; exit 1 }
    if (!exists(n)) { print "Cmd os err! Device " n " does not exist."; exit 1 }
    if (thing == "-link") print "link status: " cell[n, "link"]
    else if (thing == "-speed") print "Speed: " cell[n, "speed"] " Mb/s"
    else if (thing == "-net_health") print "net health status: " cell[n, "net_health"]
    else if (thing == "-ip") print "ipaddr:" cell[n, "ip"] "\nnetmask:" cell[n, "netmask"]
    else if (thing == "-gateway") print "default gateway:" cell[n, "gateway"] ", Iface:eth" n
    else if (thing == "-netdetect") print "netdetect address: " cell[n, "gateway"]
    else if (thing == "-tls") print "dev_id:" n ", tls switch[" cell[n, "tls"] "](0:disable, 1:enable), tls alarm time threshold[60]days"
    else if (thing == "-fec") print "fec mode: " cell[n, "fec"]
    else if (thing == "-link_stat") print "current time : " strftime_now() "\nlink up count : 1\nlink down count : 0"
    else if (thing == "-ping" && ARGV[5] == "address") ping(ARGV[6])
    else { print "Invalid command."; exit 1 }
    exit 0
}

function strftime_now(    command, line) {
    command = "date '+%a %b %e %H:%M:%S %Y'"
    command | getline line
    close(command)
    return line
}

function ping(target,    i) {
    print "device " n " PING " target
    for (i = 0; i < 3; i++) print "recv seq=" i ",time=0.0" 40 + i "000ms"
    print "3 packets transmitted, 3 received, 0.00% packet loss"
}
