// {{stays}}
