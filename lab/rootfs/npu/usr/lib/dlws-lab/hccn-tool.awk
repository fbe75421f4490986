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
    else if (thing == "-link_stat") history(n)
    else if (thing == "-optical") optical(n)
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

# When the link went down in the table's "link_down" (as the tool writes a time), it came up again in the same second.
function history(n,    device) {
    device = "[devid " n "]"
    printf "%s%-20s: %s\n", device, "current time", strftime_now()
    printf "%s%-20s: %s\n", device, "link up count", (cell[n, "link_down"] == "never" ? 1 : 2)
    printf "%s%-20s:\n", device, "link change records"
    if (cell[n, "link_down"] != "never") {
        print device "    " cell[n, "link_down"] "    LINK UP"
        print device "    " cell[n, "link_down"] "    LINK DOWN"
    }
    print device "    Tue Nov 24 06:49:58 2020    LINK UP"
}

function pair(name, text) { printf "%-21s: %s\n", name, text }

function optical(n,    i) {
    print "optical info:"
    pair("present", cell[n, "optical"])
    if (cell[n, "optical"] != "present") return
    pair("Vendor Name", "HG GENUINE"); pair("Vendor PN", "MTRQ-4E851-01"); pair("Type", "0x11")
    pair("Temperature", "42 C"); pair("Vcc", "3248.00 mV")
    for (i = 0; i < 4; i++) pair("Tx Power" i, "0.9560 mW")
    for (i = 0; i < 4; i++) pair("Rx Power" i, cell[n, "rx_power"] " mW")
    pair("Vcc High Thres", "3465.00 mV"); pair("Vcc Low Thres", "3135.00 mV")
    pair("Temp High Thres", "70 C"); pair("Temp Low Thres", "0 C")
    pair("TxPower High Thres", "3.5481 mW"); pair("TxPower Low Thres", "0.2818 mW")
    pair("RxPower High Thres", "3.5481 mW"); pair("RxPower Low Thres", "0.1445 mW")
    pair("Tx Los Flag", "0x0"); pair("Rx Los Flag", (cell[n, "rx_power"] + 0 ? "0x0" : "0xf"))
    pair("Tx LoL Flag", "0x0"); pair("Rx LoL Flag", "0x0")
}

function ping(target,    i) {
    print "device " n " PING " target
    for (i = 0; i < 3; i++) print "recv seq=" i ",time=0.0" 40 + i "000ms"
    print "3 packets transmitted, 3 received, 0.00% packet loss"
}
