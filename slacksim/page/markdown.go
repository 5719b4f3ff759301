package page

import (
	"bytes"
	"html"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// markdown renders the text of a markdown block, which is standard Markdown and not mrkdwn. As in Slack, HTML in it
// stays text, and images become links.
func markdown(text string) template.HTML {
	md := goldmark.New(
		goldmark.WithExtensions(
			// The page's content security policy forbids style attributes.
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough, extension.Linkify, extension.TaskList,
		),
		// Before goldmark's own renderers, which have priorities of 500 and more.
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(safeNodes{}, 100))),
	)
	var out bytes.Buffer
	if err := md.Convert([]byte(text), &out); err != nil {
		return template.HTML("<p>" + html.EscapeString(text) + "</p>")
	}
	return template.HTML(out.String())
}

// safeNodes renders the nodes through which a text could add HTML, addresses or requests of its own. It writes to
// memory, which doesn't fail.
type safeNodes struct{}

func (safeNodes) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		writeAnchor(w, string(n.(*ast.Link).Destination), entering)
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		writeAnchor(w, string(n.(*ast.Image).Destination), entering)
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindAutoLink, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		link := n.(*ast.AutoLink)
		address := string(link.URL(source))
		if link.AutoLinkType == ast.AutoLinkEmail {
			address = "mailto:" + address
		}
		writeAnchor(w, address, true)
		_, _ = w.WriteString(html.EscapeString(string(link.Label(source))))
		writeAnchor(w, address, false)
		return ast.WalkContinue, nil
	})
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(html.EscapeString(string(n.(*ast.RawHTML).Segments.Value(source))))
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock, htmlBlock)
}

// htmlBlock writes an HTML block as text.
func htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	block := n.(*ast.HTMLBlock)
	if entering {
		_, _ = w.WriteString("<p>" + html.EscapeString(string(block.Lines().Value(source))))
		if block.HasClosure() {
			_, _ = w.WriteString(html.EscapeString(string(block.ClosureLine.Value(source))))
		}
		_, _ = w.WriteString("</p>")
	}
	return ast.WalkSkipChildren, nil
}

func writeAnchor(w util.BufWriter, address string, entering bool) {
	switch {
	case !linkable(address): // the text alone is shown
	case entering:
		_, _ = w.WriteString(`<a href="` + html.EscapeString(address) + `" target="_blank" rel="noopener noreferrer">`)
	default:
		_, _ = w.WriteString("</a>")
	}
}
