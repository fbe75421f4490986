"""Parsers of tool output and system files: text in, typed frozen values out.

Every parser raises `cluster.verdict.Unparsable`, and nothing else, when the text is empty where it must not be, cut
off, or not understood. None looks at an exit status: that is its caller's part, before the text comes here.
"""
