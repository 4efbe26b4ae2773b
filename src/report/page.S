// The page of ui/report as bytes in the program, so that nothing is read at run time.
    .section .rodata
    .global gputide_page_html_begin
    .global gputide_page_html_end
    .global gputide_page_style_begin
    .global gputide_page_style_end
    .global gputide_page_script_begin
    .global gputide_page_script_end
gputide_page_html_begin:
    .incbin "../ui/report/page.html"
gputide_page_html_end:
gputide_page_style_begin:
    .incbin "../ui/report/style.css"
gputide_page_style_end:
gputide_page_script_begin:
    .incbin "../ui/report/time.js"
    .incbin "../ui/report/tracks.js"
    .incbin "../ui/report/lanes.js"
    .incbin "../ui/report/page.js"
gputide_page_script_end:
    .section .note.GNU-stack,"",%progbits
