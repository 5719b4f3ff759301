package main

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"licensebot/slacksim/page/pagetest"
)

// pictures is the folder for new screenshots of the README:
// `go test ./cmd/demo -run Browser -pictures ../../docs/img` writes them.
var pictures = flag.String("pictures", "", "folder for screenshots")

// open opens the demo's page in a tab; query says as whom and where: "?as=U0BOB&at=C0APPROVALS".
func (d *demo) open(query string) *pagetest.Tab {
	tab := pagetest.Open(d.t, d.sims.slack.URL+"/"+query)
	if *pictures != "" {
		tab.Sharp(1280, 800)
	}
	return tab
}

// picture takes a screenshot if -pictures is set.
func (d *demo) picture(tab *pagetest.Tab, name string) {
	d.t.Helper()
	if *pictures == "" {
		return
	}
	if err := os.MkdirAll(*pictures, 0o755); err != nil {
		d.t.Fatal(err)
	}
	file := filepath.Join(*pictures, name)
	tab.Screenshot(file)
	if err := fewerColors(file); err != nil {
		d.t.Fatal(err)
	}
}

// pictureOnPhone takes a screenshot with the width of a phone.
func (d *demo) pictureOnPhone(tab *pagetest.Tab, name string) {
	d.t.Helper()
	if *pictures == "" {
		return
	}
	tab.Sharp(390, 844)
	d.picture(tab, name)
	tab.Sharp(1280, 800)
}

// fewerColors reduces a picture to 256 colors, each pixel to the nearest of them: the file is less than half as large,
// and looks the same. Half of the colors are the most frequent of those that differ clearly, so that no color is far
// from a kept one; the other half are the most frequent of the rest.
func fewerColors(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	from, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	area := from.Bounds()
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(from.At(x, y)).(color.NRGBA) }
	seen := map[color.NRGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			seen[at(x, y)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(seen), func(a, b color.NRGBA) int { return cmp.Compare(seen[b], seen[a]) })
	var palette color.Palette
	kept, alike := map[color.NRGBA]bool{}, map[[3]uint8]bool{}
	for _, c := range all {
		if kind := [3]uint8{c.R >> 4, c.G >> 4, c.B >> 4}; !alike[kind] && len(palette) < 128 {
			alike[kind], kept[c] = true, true
			palette = append(palette, c)
		}
	}
	for _, c := range all {
		if !kept[c] && len(palette) < 256 {
			palette = append(palette, c)
		}
	}
	nearest := map[color.NRGBA]uint8{}
	for c := range seen {
		nearest[c] = uint8(palette.Index(c))
	}
	to := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, to); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}
