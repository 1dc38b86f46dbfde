from pruning.processor import select_fast

select_fast()
