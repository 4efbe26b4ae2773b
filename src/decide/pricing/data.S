// The tables of data/ as bytes in the program, so that nothing is read at run time.
    .section .rodata
    .global gputide_instance_types_begin
    .global gputide_instance_types_end
    .global gputide_instance_labels_begin
    .global gputide_instance_labels_end
    .global gputide_on_demand_begin
    .global gputide_on_demand_end
    .global gputide_spot_begin
    .global gputide_spot_end
gputide_instance_types_begin:
    .incbin "decide/pricing/data/instance_types.tsv"
gputide_instance_types_end:
gputide_instance_labels_begin:
    .incbin "decide/pricing/data/instance_labels.tsv"
gputide_instance_labels_end:
gputide_on_demand_begin:
    .incbin "decide/pricing/data/on_demand.tsv"
gputide_on_demand_end:
gputide_spot_begin:
    .incbin "decide/pricing/data/spot.tsv"
gputide_spot_end:
    .section .note.GNU-stack,"",%progbits
