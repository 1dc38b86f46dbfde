"""Submodel Atlas: the app's server. `make run`, or `streamlit run app.py [-- --workspace DIR]`.

Streamlit imports this file once to find `app`, and runs it again for every visitor's action.
"""

import logging
import os
import sys

import streamlit as st
from streamlit import runtime

from pages.ui.frame import draw, pages
from pages.ui.server import ROUTES, lifespan

if "--workspace" in sys.argv[:-1]:
    os.environ["SUBMODEL_ATLAS_WORKSPACE"] = sys.argv[sys.argv.index("--workspace") + 1]

# Also outside of a visitor's run: from then on no address runs a bare page without the frame.
# Streamlit logs a warning for each call there.
CONTEXT_LOGGER = "streamlit.runtime.scriptrunner_utils.script_run_context"
logging.getLogger(CONTEXT_LOGGER).setLevel(logging.ERROR)
page = st.navigation(pages(), position="hidden")

if runtime.exists() or st.runtime.scriptrunner.get_script_run_ctx() is not None:
    draw(page)
else:
    app = st.App(__file__, routes=ROUTES, lifespan=lifespan)
    if __name__ == "__main__":
        app.run()
