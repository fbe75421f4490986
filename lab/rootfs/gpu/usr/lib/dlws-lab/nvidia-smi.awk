# The answers of nvidia-smi, in the format of the driver generation that gpu.tsv names. Runs in mawk and busybox.

function invalid() {
    print "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help."
    print ""
    exit 1
}

function load(    file, columns, names, line, i, first) {
    file = "/etc/dlws-lab/gpu.tsv"
    first = 1
    cards = 0
    while ((getline line < file) > 0) {
        if (first) { columns = split(line, names, "\t"); first = 0; continue }
        split(line, value, "\t")
        if (index(present, " " value[1] " ") == 0) continue
        for (i = 1; i <= columns; i++) { cell[cards, names[i]] = value[i]; known[names[i]] = 1 }
        cell[cards, "minor"] = cell[cards, "index"]; cell[cards, "index"] = cards # counted over the cards that are here
        cards++
    }
    for (i = 0; i < cards; i++) {
        cell[i, "count"] = cards
        cell[i, "timestamp"] = now
        cell[i, "gpu_name"] = cell[i, "name"]; cell[i, "gpu_uuid"] = cell[i, "uuid"]
        cell[i, "gpu_serial"] = cell[i, "serial"]; cell[i, "gpu_bus_id"] = cell[i, "pci.bus_id"]
    }
    split("timestamp gpu_name gpu_uuid gpu_serial gpu_bus_id", names, " ")
    for (i in names) known[names[i]] = 1
    driver = cell[0, "driver_version"]
    for (i = 0; i < cards; i++) cell[i, "mig.mode.current"] = "[N/A]" # of Volta
    if (driver + 0 >= 450) known["mig.mode.current"] = 1
    for (i = 0; i < cards; i++) cell[i, "clocks_event_reasons.active"] = cell[i, "clocks_throttle_reasons.active"]
    if (driver + 0 >= 535.54) known["clocks_event_reasons.active"] = 1 # before it clocks_throttle_reasons only
    cuda = driver + 0 >= 450 ? "11.0" : driver + 0 >= 440 ? "10.2" : driver + 0 >= 418 ? "10.1" : "10.0"
}

function chosen(i) {
    return wanted == "" || wanted == cell[i, "index"] || wanted == cell[i, "uuid"] || wanted == cell[i, "pci.bus_id"]
}

function need_cards(    i, found) {
    if (cards == 0) { print "No devices were found"; exit 6 }
    for (i = 0; i < cards; i++) found += chosen(i)
    if (!found) { print "No devices were found"; exit 6 }
}

function strip(text) { sub(/ (W|MiB|MHz|%)$/, "", text); return text }

function unit(text) { return match(text, / (W|MiB|MHz|%)$/) ? " [" substr(text, RSTART + 1) "]" : "" }

function query(fields, format,    header, bare, n, names, i, j, line) {
    if (format !~ /^csv(,noheader|,nounits)*$/) {
        print "--query-* options require the --format switch. Please run 'nvidia-smi --help-query-gpu' for help."
        exit 1
    }
    header = format !~ /noheader/
    bare = format ~ /nounits/
    n = split(fields, names, ",")
    for (i = 1; i <= n; i++) {
        gsub(/^ +| +$/, "", names[i])
        if (!(names[i] in known)) {
            printf "Field \"%s\" is not a valid field to query.\n\n", names[i]
            exit 2
        }
    }
    if (header) {
        line = ""
        for (i = 1; i <= n; i++) line = line (i > 1 ? ", " : "") names[i] unit(cell[0, names[i]])
        print line
    }
    for (j = 0; j < cards; j++) {
        if (!chosen(j)) continue
        line = ""
        for (i = 1; i <= n; i++) line = line (i > 1 ? ", " : "") (bare ? strip(cell[j, names[i]]) : cell[j, names[i]])
        print line
    }
}

function summary(    i, name) {
    printf "%s       \n", now
    print "+-----------------------------------------------------------------------------+"
    printf "| NVIDIA-SMI %-13sDriver Version: %-13sCUDA Version: %-9s|\n", driver, driver, cuda
    print "|-------------------------------+----------------------+----------------------+"
    print "| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |"
    print "| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |"
    print "|===============================+======================+======================|"
    for (i = 0; i < cards; i++) {
        if (!chosen(i)) continue
        name = cell[i, "name"]
        if (length(name) > 18) name = substr(name, 1, 15) "..."
        printf "| %3s  %-18s  %-4s | %16s %3s | %20s |\n", cell[i, "index"], name, \
            (cell[i, "persistence_mode"] == "Enabled" ? "On" : "Off"), cell[i, "pci.bus_id"], \
            (cell[i, "display_active"] == "Enabled" ? "On" : "Off"), cell[i, "ecc.errors.uncorrected.volatile.total"]
        printf "| N/A  %3sC  %4s  %4dW / %3dW | %6dMiB / %5dMiB | %6s%% %12s |\n", cell[i, "temperature.gpu"], \
            cell[i, "pstate"], cell[i, "power.draw"], cell[i, "power.limit"], cell[i, "memory.used"], \
            cell[i, "memory.total"], strip(cell[i, "utilization.gpu"]), cell[i, "compute_mode"]
        print "+-------------------------------+----------------------+----------------------+"
    }
    print "                                                                               "
    print "+-----------------------------------------------------------------------------+"
    print "| Processes:                                                       GPU Memory |"
    print "|  GPU       PID   Type   Process name                             Usage      |"
    print "|=============================================================================|"
    print "|  No running processes found                                                 |"
    print "+-----------------------------------------------------------------------------+"
}

function list(    i) {
    for (i = 0; i < cards; i++)
        if (chosen(i)) printf "GPU %s: %s (UUID: %s)\n", cell[i, "index"], cell[i, "name"], cell[i, "uuid"]
}

function nvlink(what,    i, j) {
    for (i = 0; i < cards; i++) {
        if (!chosen(i)) continue
        printf "GPU %s: %s (UUID: %s)\n", cell[i, "index"], cell[i, "name"], cell[i, "uuid"]
        for (j = 0; j < 6; j++) {
            if (what == "-s" || what == "--status") printf "\t Link %d: 25.781 GB/s\n", j
            else if (what == "-e" || what == "--errorcounters")
                printf "\t Link %d: Replay Errors: 0\n\t Link %d: Recovery Errors: 0\n\t Link %d: CRC Errors: 0\n\n", j, j, j
            else invalid()
        }
    }
}

# The hybrid cube mesh of eight V100 in a DGX-1.
function topology(    i, j, row, mesh, cells, affinity) {
    mesh[0] = " X  NV1 NV1 NV2 NV2 SYS SYS SYS"; mesh[1] = "NV1  X  NV2 NV1 SYS NV2 SYS SYS"
    mesh[2] = "NV1 NV2  X  NV2 SYS SYS NV1 SYS"; mesh[3] = "NV2 NV1 NV2  X  SYS SYS SYS NV1"
    mesh[4] = "NV2 SYS SYS SYS  X  NV1 NV1 NV2"; mesh[5] = "SYS NV2 SYS SYS NV1  X  NV2 NV1"
    mesh[6] = "SYS SYS NV1 SYS NV1 NV2  X  NV2"; mesh[7] = "SYS SYS SYS NV1 NV2 NV1 NV2  X "
    row = ""
    for (i = 0; i < cards; i++) row = row "\tGPU" cell[i, "index"]
    print row "\tCPU Affinity"
    for (i = 0; i < cards; i++) {
        row = "GPU" cell[i, "index"]
        for (j = 0; j < cards; j++) row = row "\t" substr(mesh[cell[i, "minor"]], cell[j, "minor"] * 4 + 1, 3)
        print row "\t" (cell[i, "minor"] < 4 ? "0-19,40-59" : "20-39,60-79")
    }
    print "\nLegend:\n"
    print "  X    = Self"
    print "  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., QPI/UPI)"
    print "  NV#  = Connection traversing a bonded set of # NVLinks"
}

function pair(depth, name, text) { printf "%*s%-*s: %s\n", depth, "", 44 - depth, name, text }

function temperature(i) {
    print "    Temperature"
    pair(8, "GPU Current Temp", cell[i, "temperature.gpu"] " C")
    if (driver + 0 >= 535) pair(8, "GPU T.Limit Temp", "N/A") # of Volta
    pair(8, "GPU Shutdown Temp", "90 C")
    pair(8, "GPU Slowdown Temp", "87 C")
    pair(8, "GPU Max Operating Temp", "83 C")
    pair(8, "Memory Current Temp", cell[i, "temperature.memory"] " C")
    pair(8, "Memory Max Operating Temp", "85 C")
}

function ecc_mode(i) {
    print "    Ecc Mode"
    pair(8, "Current", cell[i, "ecc.mode.current"])
    pair(8, "Pending", cell[i, "ecc.mode.pending"])
}

function ecc(i) {
    ecc_mode(i)
    print "    ECC Errors"
    print "        Volatile"
    pair(12, "Total", cell[i, "ecc.errors.uncorrected.volatile.total"])
    if (driver + 0 >= 565) { # none of Volta's memory is repaired so
        pair(8, "Channel Repair Pending", "No")
        pair(8, "TPC Repair Pending", "No")
    }
}

function details(    i) {
    print "\n==============NVSMI LOG==============\n"
    pair(0, "Timestamp", now)
    pair(0, "Driver Version", driver)
    pair(0, "CUDA Version", cuda)
    print ""
    pair(0, "Attached GPUs", cards)
    for (i = 0; i < cards; i++) {
        if (!chosen(i)) continue
        print "GPU " cell[i, "pci.bus_id"]
        if (section == "TEMPERATURE") { temperature(i); continue }
        if (section == "ECC") { ecc(i); continue }
        pair(4, "Product Name", cell[i, "name"])
        pair(4, "Display Active", cell[i, "display_active"])
        pair(4, "Persistence Mode", cell[i, "persistence_mode"])
        pair(4, "Serial Number", cell[i, "serial"])
        pair(4, "GPU UUID", cell[i, "uuid"])
        pair(4, "Minor Number", cell[i, "minor"])
        pair(4, "VBIOS Version", cell[i, "vbios_version"])
        pair(4, "Performance State", cell[i, "pstate"])
        print "    FB Memory Usage"
        pair(8, "Total", cell[i, "memory.total"])
        pair(8, "Used", cell[i, "memory.used"])
        pair(8, "Free", cell[i, "memory.free"])
        pair(4, "Compute Mode", cell[i, "compute_mode"])
        ecc_mode(i)
        print "    Retired Pages"
        pair(8, "Single Bit ECC", cell[i, "retired_pages.single_bit_ecc.count"])
        pair(8, "Double Bit ECC", cell[i, "retired_pages.double_bit.count"])
        pair(8, "Pending Page Blacklist", cell[i, "retired_pages.pending"])
        temperature(i)
        print "    Power Readings"
        pair(8, "Power Management", "Supported")
        pair(8, "Power Draw", cell[i, "power.draw"])
        pair(8, "Power Limit", cell[i, "power.limit"])
        pair(8, "Default Power Limit", cell[i, "power.default_limit"])
        pair(4, "Processes", "None")
        print ""
    }
}

function remapped(fields, format,    i, j, n, names, line) {
    if (driver + 0 < 450) invalid() # the option came with R450
    n = split(fields, names, ",")
    if (format !~ /noheader/) print fields
    for (i = 0; i < cards; i++) {
        line = ""
        for (j = 1; j <= n; j++) line = line (j > 1 ? ", " : "") (names[j] == "gpu_uuid" ? cell[i, "uuid"] : "[N/A]")
        print line # Volta retires pages and remaps no rows
    }
}

BEGIN {
    load()
    for (i = 1; i < ARGC; i++) {
        option = ARGV[i]
        if (option == "-i" || option == "--id") { wanted = ARGV[++i]; continue }
        if (option ~ /^--id=/) { wanted = substr(option, 6); continue }
        if (option ~ /^--format=/) { format = substr(option, 10); continue }
        if (option ~ /^--query-[a-z-]+=/) { verb = substr(option, 3, index(option, "=") - 3); fields = substr(option, index(option, "=") + 1); continue }
        if (option == "-d" || option == "--display") { section = ARGV[++i]; continue }
        if (option == "-L" || option == "--list-gpus") { verb = "list"; continue }
        if (option == "-q" || option == "--query") { verb = "details"; continue }
        if (option == "-h" || option == "--help") { print "NVIDIA System Management Interface -- v" driver; exit 0 }
        if (option == "--version" && driver + 0 >= 520) { verb = "version"; continue } # older ones know it not
        if (i == 1 && (option == "nvlink" || option == "topo")) { verb = option; verb_option = ARGV[++i]; continue }
        invalid()
    }
    if (section != "" && section != "TEMPERATURE" && section != "ECC") invalid() # the stand-in has these alone
    need_cards()
    if (verb == "") summary()
    else if (verb == "list") list()
    else if (verb == "details") details()
    else if (verb == "version") printf "NVIDIA-SMI version  : %s\nDRIVER version      : %s\nCUDA Version        : %s\n", driver, driver, cuda
    else if (verb == "query-gpu") query(fields, format)
    else if (verb == "query-compute-apps") { if (format !~ /noheader/) print fields }
    else if (verb == "query-remapped-rows") remapped(fields, format)
    else if (verb == "nvlink") nvlink(verb_option)
    else if (verb == "topo" && (verb_option == "-m" || verb_option == "--matrix")) topology()
    else invalid()
    exit 0
}
