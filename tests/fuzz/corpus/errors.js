#!/usr/bin/env node
with (a) delete b; 010; '\1'; new.target; let eval; export {nobody}; import {x} from 'a'; var x;
