from pruning.machine.processor import select_fast

select_fast()
