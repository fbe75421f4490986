# The answers of npu-smi 1.8.21 (20.x era): see docs/upstream.md#tools-of-the-accelerators.
function pair(name, text) { printf "\t%-31s: %s\n", name, text }

function table(    i, n, rule) {
    rule = "+----------------------+---------------+---------------------------------------------+"
    print "+------------------------------------------------------------------------------------+"
    printf "| npu-smi 1.8.21                       Version: %-37s|\n", cell[order[0], "version"]
    print rule
    print "| NPU     Name         | Health        | Power(W)   Temp(C)                          |"
    print "| Chip                 | Bus-Id        | AICore(%)  Memory-Usage(MB)  HBM-Usage(MB)  |"
    gsub(/-/, "=", rule)
    print rule
    for (i = 0; i < chips; i++) {
        n = order[i]
        printf "| %-7s %-12s | %-13s | %-10s %-32s |\n", n, cell[n, "name"], cell[n, "health"], cell[n, "power"], cell[n, "temperature"]
        printf "| %-20s | %-13s | %-10s %-4s / %-10s %-4s / %-7s |\n", "0", cell[n, "bus"], cell[n, "aicore"], \
            cell[n, "memory_used"], cell[n, "memory_total"], cell[n, "hbm_used"], cell[n, "hbm_total"]
        print rule
    }
}

function list(    i) {
    pair("Total Count", chips)
    for (i = 0; i < chips; i++) { print ""; pair("NPU ID", order[i]); pair("Chip Count", 1) }
}

function map(    i, j) {
    printf "\t%-30s %-30s %-30s %s\n", "NPU ID", "Chip ID", "Chip Logic ID", "Chip Name"
    for (i = 0; i < chips; i++) {
        printf "\t%-30s %-30s %-30s %s\n", order[i], 0, i, "Ascend " cell[order[i], "name"]
        printf "\t%-30s %-30s %-30s %s\n", order[i], 1, "-", "Mcu"
    }
}

function percent(part, whole) { return int(100 * part / whole) }

function common(n) {
    pair("NPU ID", n); pair("Chip Count", 1); print ""
    pair("Chip ID", 0)
    pair("Memory Usage Rate(%)", percent(cell[n, "memory_used"], cell[n, "memory_total"]))
    pair("HBM Usage Rate(%)", percent(cell[n, "hbm_used"], cell[n, "hbm_total"]))
    pair("Aicore Usage Rate(%)", cell[n, "aicore"])
    pair("Aicore Freq(MHZ)", 900); pair("Aicore curFreq(MHZ)", 900); pair("Aicore Count", 30)
    pair("Temperature(C)", cell[n, "temperature"]); pair("NPU Real-time Power(W)", cell[n, "power"]); print ""
    pair("Chip Name", "mcu"); pair("Temperature(C)", cell[n, "temperature"] - 2); pair("NPU Real-time Power(W)", cell[n, "power"])
}

# Without -c 0 the management unit answers, whose OK hides a chip's alarm: as the real tool does.
function health(n) {
    if (chip == "0") {
        pair("Health Status", cell[n, "health"]); pair("Error Code", cell[n, "error_code"])
        pair("Error Information", cell[n, "error_information"])
    } else {
        pair("NPU ID", n); pair("Chip Count", 1); print ""
        pair("Health", "OK"); pair("Error Code", "NA"); pair("Error Information", "NA"); pair("Chip Name", "mcu")
    }
}

function board(n) {
    pair("NPU ID", n); pair("Product Name", ""); pair("Model", ""); pair("Manufacturer", "Huawei")
    pair("Serial Number", cell[n, "serial"]); pair("Software Version", cell[n, "version"])
    pair("Firmware Version", cell[n, "firmware"])
    pair("Compatibility", cell[n, "firmware"] == cell[n, "version"] ? "OK" : "NOT OK"); pair("Board ID", "0x01")
    pair("PCB ID", "A"); pair("BOM ID", 1); pair("PCIe Bus Info", cell[n, "bus"]); pair("Slot ID", 0); pair("Class ID", "NA")
    pair("PCI Vendor ID", "0x19E5"); pair("PCI Device ID", "0xD801"); pair("Subsystem Vendor ID", "0x0200")
    pair("Subsystem Device ID", "0x0100"); pair("Chip Count", 1)
}

function ecc(n) {
    pair("NPU ID", n); pair("Chip Count", 1); print ""
    pair("DDR Single Bit Error Count", 0); pair("DDR Double Bit Error Count", 0)
    pair("DDR Single Bit Aggregate Total Err Cnt", 0); pair("DDR Double Bit Aggregate Total Err Cnt", 0)
    pair("DDR Single Bit Isolated Pages Count", 0); pair("DDR Double Bit Isolated Pages Count", 0)
    pair("HBM Single Bit Error Count", 0); pair("HBM Double Bit Error Count", cell[n, "hbm_double_bit"])
    pair("HBM Single Bit Aggregate Total Err Cnt", 0); pair("HBM Double Bit Aggregate Total Err Cnt", cell[n, "hbm_double_bit"])
    pair("HBM Single Bit Isolated Pages Count", 0); pair("HBM Double Bit Isolated Pages Count", cell[n, "hbm_isolated"])
    pair("Chip ID", 0)
}

function usages(n) {
    pair("NPU ID", n); pair("Chip Count", 1); print ""
    pair("DDR Capacity(MB)", cell[n, "memory_total"])
    pair("DDR Usage Rate(%)", percent(cell[n, "memory_used"], cell[n, "memory_total"]))
    pair("HBM Capacity(MB)", cell[n, "hbm_total"]); pair("HBM Usage Rate(%)", percent(cell[n, "hbm_used"], cell[n, "hbm_total"]))
    pair("Aicore Usage Rate(%)", cell[n, "aicore"]); pair("Aicpu Usage Rate(%)", 0); pair("Ctrlcpu Usage Rate(%)", 2)
    pair("DDR Bandwidth Usage Rate(%)", 0); pair("HBM Bandwidth Usage Rate(%)", 0); pair("Chip ID", 0)
}

function answer(kind, n) {
    if (kind == "common") common(n)
    else if (kind == "health") health(n)
    else if (kind == "board") board(n)
    else if (kind == "ecc") ecc(n)
    else if (kind == "usages") usages(n)
    else if (kind == "work-mode") { pair("NPU ID", n); pair("work-mode", cell[n, "work_mode"]) }
    else if (kind == "temp") { pair("NPU ID", n); pair("Chip Count", 1); print ""; pair("NPU Temperature (C)", cell[n, "temperature"]); pair("Chip ID", 0) }
    else if (kind == "power") { pair("NPU ID", n); pair("Chip Count", 1); print ""; pair("NPU Real-time Power(W)", cell[n, "power"]); pair("Chip ID", 0) }
    else { print "Error parameter of -t"; exit 1 }
}

BEGIN {
    load()
    if (ARGV[1] == "-v" || ARGV[1] == "--version") { print "npu-smi version : 1.8.21"; exit 0 }
    if (ARGV[1] != "info") { print "Invalid input, use 'npu-smi -h' for help."; exit 1 }
    chip = npu = kind = ""
    for (i = 2; i < ARGC; i++) {
        if (ARGV[i] == "-t") kind = ARGV[++i]
        else if (ARGV[i] == "-i") npu = ARGV[++i]
        else if (ARGV[i] == "-c") chip = ARGV[++i]
        else if (ARGV[i] == "-l" || ARGV[i] == "-m") listing = ARGV[i]
        else { print "Error parameter of " ARGV[i]; exit 1 }
    }
    if (!chips) { print "DrvMngGetConsoleLogLevel failed. (ret=4)\ndcmi module initialize failed. ret is -8005"; exit 1 }
    if (listing == "-l") list()
    else if (listing == "-m") map()
    else if (kind == "") table()
    else if (npu == "255") for (i = 0; i < chips; i++) { if (i) print ""; answer(kind, order[i]) } # 255: all of them
    else if (!exists(npu)) { print "Error parameter of -i"; exit 1 }
    else answer(kind, npu)
    exit 0
}
