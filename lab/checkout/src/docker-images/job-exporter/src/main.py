print("{{.Not}} ours to render")
