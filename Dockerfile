# The two commands of README.md in a container: docker build -t tf_strattack . && docker run --rm --init tf_strattack

FROM python:3.12-slim AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home developer
USER developer

# Packages are a layer of their own: a change of the code does not install them again.
FROM tools
RUN mkdir /home/developer/tf_strattack
WORKDIR /home/developer/tf_strattack
COPY --chown=developer Makefile requirements.txt requirements-dev.txt ./
RUN make .venv/.installed
COPY --chown=developer . .
CMD ["make", "demo", "test"]
