# Reads npu.tsv for npu-smi and hccn_tool: cell[npu, column], chips in order[0..chips-1].
function load(    file, line, columns, names, value, i) {
    file = "/etc/dlws-lab/npu.tsv"
    chips = columns = 0
    while ((getline line < file) > 0) {
        if (!columns) { columns = split(line, names, "\t"); continue }
        split(line, value, "\t")
        if (index(present, " " value[1] " ") == 0) continue
        for (i = 1; i <= columns; i++) cell[value[1], names[i]] = value[i]
        order[chips++] = value[1]
    }
}

function exists(npu,    i) {
    for (i = 0; i < chips; i++) if (order[i] == npu) return 1
    return 0
}
