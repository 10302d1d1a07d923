"""An index, opened -> a page in the browser.

In: an index, and the model if it is asked for.  Out: answers over HTTP, and the built page.

    api.py     every object that is sent, as types; the page's types are made from them
    view.py    what is shown: an index, notes, other indexes, perhaps a model
    answers/   a view -> those objects; nothing of HTTP
    routes/    addresses -> answers
    app.py     the server, put together;  guard.py  who may ask;  fresh.py  what is known
    serve.py   the server on a port;  jobs.py  what takes long;  trouble.py  what may go wrong
    model.py   the model as the server sees it;  live/  the process that holds it
    static/    the page, built from web/

No torch anywhere but in the process of the model.
"""
