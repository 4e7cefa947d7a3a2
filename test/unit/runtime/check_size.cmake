# Fails if LIBRARY, stripped, has more than LIMIT bytes.
file(COPY_FILE ${LIBRARY} ${COPY})
execute_process(COMMAND ${STRIP} ${COPY} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${COPY} size)
file(REMOVE ${COPY})
if(size GREATER LIMIT)
  message(FATAL_ERROR "libtenon has ${size} bytes stripped, more than ${LIMIT}")
endif()
message(STATUS "libtenon has ${size} bytes stripped (limit ${LIMIT})")
